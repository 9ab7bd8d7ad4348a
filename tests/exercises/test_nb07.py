"""Checks of notebook 07: right answers pass in any style, further wrong ones hear why."""

import math

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import GroupedConfig
from course_lib.exercises import nb07_head_pooling as head_pooling
from course_lib.exercises import nb07_kv_costs as kv_costs
from course_lib.exercises import nb07_kv_sharing as kv_sharing
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.layers import GroupedQueryAttention
from course_lib.reference.attention import softmax_weights
from course_lib.reference.grouped import grouped_attention
from course_lib.surgery.kv_heads import mean

EXERCISES = {exercise.id: exercise for exercise in of_notebook("7")}


# Solutions are those of the library -------------------------------------------------------------------------------


@pytest.mark.parametrize("h, g", [(6, 2), (6, 3), (5, 1), (7, 7), (64, 8)])
def test_a_query_head_reads_the_head_that_its_layer_reads(h, g):
    """KV head k alone is not zero; then the query heads that write are those that read it."""
    layer = GroupedQueryAttention(GroupedConfig(d_model=3, n_heads=h, n_kv_heads=g, d_head=2)).double()
    read = np.zeros((h, g), dtype=bool)
    for k in range(g):
        with torch.no_grad():
            layer.W_V.zero_()[:, 2 * k : 2 * k + 2] = 1.0
            layer.W_O.zero_()
            for i in range(h):
                layer.W_O[2 * i : 2 * i + 2] = 1.0
                read[i, k] = bool(layer(torch.ones(1, 1, 3, dtype=torch.float64)).abs().sum() > 0)
                layer.W_O[2 * i : 2 * i + 2] = 0.0
    assert read.sum() == h and kv_sharing.kv_heads_read(h, g) == read.argmax(1).tolist()


@pytest.mark.parametrize("h, g", [(6, 2), (6, 6), (3, 1)])
def test_grouped_attention_is_the_reference_and_torch(h, g):
    rng = np.random.default_rng(0)
    Q, K, V = rng.normal(size=(h, 3, 4)), rng.normal(size=(g, 5, 4)), rng.normal(size=(g, 5, 7))
    Y = kv_sharing.grouped_attention(Q, K, V)
    np.testing.assert_allclose(Y, grouped_attention(Q, K, V, None, 0.5), rtol=0, atol=1e-14)  # sums of five terms
    fused = torch.nn.functional.scaled_dot_product_attention(
        *(torch.from_numpy(x)[None] for x in (Q, K, V)), enable_gqa=True
    )
    np.testing.assert_allclose(Y, fused[0], rtol=0, atol=1e-14)


def test_costs_are_those_of_the_accounting():
    config = GroupedConfig(d_model=35, n_heads=6, n_kv_heads=2, d_head=5)
    token = kv_costs.cache_of_a_token(3, 6, 2, 5, 2)
    assert token["bytes"] == 3 * accounting.cache_bytes(config, 1)
    full = GroupedConfig(d_model=35, n_heads=6, d_head=5)
    assert token["saving"] == accounting.cache_bytes(full, 1) / accounting.cache_bytes(config, 1)
    step, work = kv_costs.one_step(6, 2, 5, 7), accounting.decode(config, 6)
    assert step["flops"] == work.flops_by_part["attend"]
    # the accounting reads seven rows, and has written one of them before
    assert step["numbers"] * 2 == work.bytes_by_part["cache"] - config.floats_per_token * 2


def test_the_longest_context_fits_and_one_token_more_does_not():
    llama = accounting.model("Llama-3-8B")
    memory, weights, batch = 80 * 10**9, 16 * 10**9, 3
    tokens = kv_costs.longest_context(memory, weights, llama.bytes_per_token(), batch)
    assert weights + llama.cache_bytes(tokens, batch) <= memory < weights + llama.cache_bytes(tokens + 1, batch)


@pytest.mark.parametrize("h, g", [(6, 2), (6, 6), (6, 1)])
def test_pooling_is_that_of_surgery(h, g):
    W = np.random.default_rng(0).normal(size=(5, h * 4))
    want = mean(torch.from_numpy(W).view(5, g, h // g, 4)).flatten(1)
    np.testing.assert_allclose(head_pooling.mean_pool(W, h, g), want, rtol=0, atol=1e-15)


def test_what_the_mean_keeps_and_loses_is_everything():
    heads = np.random.default_rng(0).normal(size=(4, 5, 3))
    lost = np.square(heads - heads.mean(0)).sum() / np.square(heads).sum()
    assert math.isclose(head_pooling.kept_by_mean(heads) + lost, 1, rel_tol=1e-14)


# Right answers in other styles --------------------------------------------------------------------------------------


def grouped_in_loops(Q, K, V):
    Y = np.zeros((*Q.shape[:2], V.shape[2]))
    for i in range(len(Q)):
        k = i // (len(Q) // len(K))
        for t in range(Q.shape[1]):
            s = np.array([Q[i, t] @ key / math.sqrt(Q.shape[2]) for key in K[k]])
            w = np.exp(s - max(s))
            Y[i, t] = w @ V[k] / w.sum()
    return Y


def grouped_by_einsum(Q, K, V):
    Q = Q.reshape(len(K), -1, *Q.shape[1:])
    S = np.einsum("gqne,gNe->gqnN", Q, K) / Q.shape[-1] ** 0.5
    return np.einsum("gqnN,gNv->gqnv", softmax_weights(S), V).reshape(-1, Q.shape[2], V.shape[2])


def grouped_in_torch(Q, K, V):
    Q, K, V = (torch.from_numpy(x).float() for x in (Q, K, V))
    K, V = (x.repeat_interleave(len(Q) // len(x), dim=0) for x in (K, V))
    return torch.nn.functional.scaled_dot_product_attention(Q, K, V)


def pool_in_loops(W, h, g):
    e, q = W.shape[1] // h, h // g
    return np.hstack([sum(W[:, j * e : (j + 1) * e] for j in range(k * q, k * q + q)) / q for k in range(g)])


@pytest.mark.parametrize(
    "number, answer",
    [
        ("7.1", lambda h, g: np.repeat(np.arange(g), h // g)),
        ("7.1", lambda h, g: torch.arange(g).repeat_interleave(h // g)),
        ("7.1", lambda h, g: tuple(math.floor(i * g / h) for i in range(h))),
        ("7.2", grouped_in_loops),
        ("7.2", grouped_by_einsum),
        ("7.2", grouped_in_torch),
        ("7.3", lambda L, h, g, e, size: {"bytes": sum(2 * g * e * size for _ in range(L)), "saving": h // g}),
        ("7.3", lambda L, h, g, e, size: {"saving": np.float64(h / g), "bytes": np.int64(L * 2 * g * e * size)}),
        ("7.3", lambda L, h, g, e, size: {"bytes": 2 * L * g * e * size / 1, "saving": h / g}),
        ("7.4", lambda h, g, e, N: {"flops": h * N * (2 * e + 2 * e), "numbers": 2 * g * e * N,
                                    "flops per number": 2 * (h // g)}),
        ("7.5", lambda memory, weights, each, batch: math.floor((memory - weights) / (batch * each))),
        ("7.5", lambda memory, weights, each, batch: (memory - weights) / each // batch),
        ("7.5", lambda memory, weights, each, batch: np.int64((memory - weights) // batch // each)),
        ("7.6", pool_in_loops),
        ("7.6", lambda W, h, g: np.einsum("dgqe->dge", W.reshape(len(W), g, h // g, -1)).reshape(len(W), -1) * g / h),
        ("7.6", lambda W, h, g: torch.from_numpy(W).unflatten(1, (g, h // g, -1)).mean(2).flatten(1)),
        ("7.6", lambda W, h, g: W @ np.kron(np.kron(np.eye(g), np.full((h // g, 1), g / h)), np.eye(W.shape[1] // h))),
        ("7.7", lambda W: 1 - sum(np.linalg.norm(w - W.mean(0)) ** 2 for w in W) / np.linalg.norm(W) ** 2),
        ("7.7", lambda W: np.einsum("ade,bde->", W, W) / len(W) / np.einsum("ade,ade->", W, W)),
        ("7.7", lambda W: torch.from_numpy(W).mean(0).square().sum() * len(W) / torch.from_numpy(W).square().sum()),
    ],
)  # fmt: skip
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def grouped_causally(Q, K, V):
    """As a decoder would: query t of n stands at place N - n + t."""
    Y = np.zeros((*Q.shape[:2], V.shape[2]))
    for i in range(len(Q)):
        for t in range(Q.shape[1]):
            k, seen = i * len(K) // len(Q), K.shape[1] - Q.shape[1] + t + 1
            w = np.exp(K[k, :seen] @ Q[i, t] / Q.shape[2] ** 0.5)
            Y[i, t] = w @ V[k, :seen] / w.sum()
    return Y


def grouped_with(keys, values):
    """By hint 1, with keys and values in another shape."""

    def answer(Q, K, V):
        rows = Q.reshape(len(K), -1, *Q.shape[1:])
        P = softmax_weights(rows @ keys(K).swapaxes(-1, -2) / Q.shape[-1] ** 0.5)
        return (P @ values(V)).reshape(*Q.shape[:2], V.shape[-1])

    return answer


def grouped_less(shift):
    """Attention that subtracts shift(S) from the logits S before exp."""

    def attention(Q, K, V):
        K, V = (np.repeat(x, len(Q) // len(x), axis=0) for x in (K, V))
        S = Q @ K.swapaxes(1, 2) / Q.shape[-1] ** 0.5
        with np.errstate(all="ignore"):
            A = np.exp(S - shift(S))
            return A / A.sum(-1, keepdims=True) @ V

    return attention


grouped_unshifted = grouped_less(lambda S: 0.0)


# Wrong answers that are no listed mistake ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("7.1", lambda h, g: [0] * h, "five neighbours read each\n  all query heads read KV head 0"),
        ("7.1", lambda h, g: list(range(g)), "This is one entry for each group"),
        ("7.1", lambda h, g: h // g, "a list of 15 entries is expected"),
        ("7.1", lambda h, g: [min(i, g - 1) for i in range(h)], "five neighbours read each\n  in entry 1"),
        ("7.1", lambda h, g: [[i] * (h // g) for i in range(g)], "length 3 where 15 is expected"),
        ("7.1", lambda h, g: [i >> (h // g).bit_length() - 1 for i in range(h)], "in entry 4"),
        ("7.2", lambda Q, K, V: kv_sharing.grouped_attention(Q[::-1], K, V), "three keys\n  at index"),
        ("7.2", grouped_causally, "there is no mask here"),
        ("7.2", lambda Q, K, V: Q @ K.swapaxes(1, 2) @ V, "three keys\n  at index"),
        ("7.2", lambda Q, K, V: kv_sharing.grouped_attention(Q, K[::-1], V[::-1]), "in reverse order"),
        ("7.2", lambda Q, K, V: grouped_with(lambda x: x, lambda x: x)(Q, K, V), "Query heads read KV heads 0, 1, ..."),
        ("7.2", lambda Q, K, V: grouped_with(lambda x: x, lambda x: x[:, None])(Q, K, V), "but the keys in turn"),
        ("7.2", lambda Q, K, V: grouped_with(lambda x: x[:, None], lambda x: x)(Q, K, V), "but the values in turn"),
        ("7.2", grouped_unshifted, "contains NaN, first at (1, 0, 0).\n  exp overflows beyond 709"),
        ("7.2", grouped_less(lambda S: S.max()), "one maximum is subtracted from all logits"),
        ("7.2", grouped_less(lambda S: S.max((1, 2), keepdims=True)), "from all queries of a head"),
        ("7.2", grouped_less(lambda S: S.mean(-1, keepdims=True)), "the mean is subtracted"),
        ("7.2", grouped_less(lambda S: S - np.clip(S, -700, 700)), "clipping makes all logits"),
        ("7.2", lambda Q, K, V: np.nan_to_num(grouped_unshifted(Q, K, V)), "puts 0 where inf / inf was nan"),
        ("7.2", lambda Q, K, V: kv_sharing.grouped_attention(Q, K, V)[: len(K)], "shape (1, 3, 7)"),
        ("7.3", lambda L, h, g, e, size: 2 * L * g * e * size, "a dict is expected"),
        ("7.3", lambda L, h, g, e, size: {"bytes": 2 * L * g * e * size}, "the key 'saving' is missing"),
        ("7.3", lambda L, h, g, e, size: {"bytes": 2 * L * g * e * size * 8, "saving": h / g}, "under the key 'bytes'"),
        ("7.3", lambda L, h, g, e, size: {"bytes": 2 * L * g * e * size, "saving": h - g}, "this is a difference"),
        ("7.4", lambda h, g, e, N: {"flops": 4 * e * N, "numbers": 2 * e * N, "flops per number": 2.0}, "three heads"),
        ("7.4", lambda h, g, e, N: kv_costs.one_step(h, g, e, N) | {"flops per number": 2 * h}, "three heads (MHA)"),
        ("7.4", lambda h, g, e, N: kv_costs.one_step(h, g, e, 3 * N), "in the cache\n  under the key 'flops'"),
        ("7.4", lambda h, g, e, N: list(kv_costs.one_step(h, g, e, N).values()), "a dict is expected"),
        ("7.5", lambda memory, weights, each, batch: (memory - weights) // each * batch, "the texts share the memory"),
        ("7.5", lambda memory, weights, each, batch: memory - weights, "1000 bytes, no parameters"),
        ("7.5", lambda memory, weights, each, batch: memory // (batch * each) - weights, "300 of them for parameters"),
        ("7.6", lambda W, h, g: W[:, : W.shape[1] * g // h], "six heads become two"),
        ("7.6", lambda W, h, g: W.mean(1, keepdims=True), "your result has shape (7, 1)"),
        ("7.6", lambda W, h, g: W.reshape(g, h // g, -1, len(W)).mean(1).reshape(len(W), -1), "six heads become two"),
        ("7.6", lambda W, h, g: np.repeat(head_pooling.mean_pool(W, h, g), h // g, axis=1), "has shape (7, 30)"),
        ("7.7", lambda W: len(W) * W.mean() ** 2 / np.square(W).sum(), "The mean is one number"),
        ("7.7", lambda W: len(W) * np.square(W.sum(0)).sum() / np.square(W).sum(), "this is the sum of the heads"),
        ("7.6", lambda W, h, g: W.reshape(len(W), g, h // g, -1).sum(2).reshape(len(W), -1) / h, "is divided by h"),
        ("7.7", lambda W: (np.square(W.mean(0)).sum() / np.square(W).sum((1, 2))).mean(), "mean of a share for each"),
        ("7.7", lambda W: len(W) * np.linalg.norm(W.mean(0), 2) ** 2 / np.square(np.linalg.svd(W)[1][:, 0]).sum(),
         "spectral norms"),
        ("7.2", lambda Q, K, V: Q @ np.repeat(K, len(Q) // len(K), 0).swapaxes(1, 2) / Q.shape[2] ** 0.5
         @ np.repeat(V, len(Q) // len(V), 0), "there is no softmax"),
        ("7.3", lambda L, h, g, e, size: {"bytes": L * (2 * g + h) * e * size, "saving": h / g}, "queries are counted"),
        ("7.3", lambda L, h, g, e, size: {"bytes": 2 * L * (h // g) * e * size, "saving": g}, "h / g KV heads here"),
        ("7.4", lambda h, g, e, N: kv_costs.one_step(h, g, e, N - 1), "N counts it already, so there are N keys"),
        ("7.5", lambda memory, weights, each, batch: max(0, (memory - weights) // (batch * each)), "not 0"),
        ("7.5", lambda memory, weights, each, batch: int((memory - weights) / (batch * each)), "cuts towards 0"),
        ("7.5", lambda memory, weights, each, batch: (memory - weights) // batch * each, "parentheses"),
        ("7.6", lambda W, h, g: W.reshape(len(W), g, h // g, -1)[:, :, -1].reshape(len(W), -1), "keeps the last head"),
        ("7.7", lambda W: np.linalg.norm(W.mean(0)) / np.mean([np.linalg.norm(w) for w in W]), "These are lengths"),
        ("7.7", lambda W: len(W) * np.square(W.mean(0)).sum() / sum(np.linalg.norm(w) for w in W) ** 2,
         "added and then squared. Square each"),
        ("7.7", lambda W: np.square(W.sum(0)).sum() / np.square(W).sum(), "q times the share"),
        ("7.7", lambda W: W.mean(0), "your result has shape (5, 4)"),
        ("7.7", lambda W: 1 / len(W), "three random heads"),
        ("7.7", lambda W: np.abs(W.mean(0)).sum() / np.abs(W).mean(0).sum(), "sums of absolute values"),
        ("7.7", lambda W: float(np.corrcoef(W.reshape(len(W), -1))[0, 1]), "three random heads"),
    ],
)  # fmt: skip
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("7.1", "7.2", "7.4", "7.6", "7.7")) == 38
    assert sum(EXERCISES[number].minutes for number in ("7.3", "7.5")) == 9
