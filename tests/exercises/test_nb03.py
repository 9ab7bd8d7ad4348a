"""Checks of notebook 03: right answers pass in any style, further wrong ones hear why."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from course_lib.exercises import nb03_heads as heads
from course_lib.exercises import nb03_outputs as outputs
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade


def multi_head_in_loops(X, W_Q, W_K, W_V, W_O):
    outputs = []
    for h in range(len(W_Q)):
        rows = []
        for i in range(len(X)):
            logits = [X[i] @ W_Q[h] @ (X[j] @ W_K[h]) / W_Q.shape[-1] ** 0.5 for j in range(len(X))]
            w = [np.exp(logit - max(logits)) for logit in logits]
            rows.append(sum(w_j * (X[j] @ W_V[h]) for j, w_j in enumerate(w)) / sum(w))
        outputs.append(np.array(rows))
    return np.hstack(outputs) @ W_O


def multi_head_by_einsum(X, W_Q, W_K, W_V, W_O):
    h, _, e = W_Q.shape
    S = np.einsum("nd,hde,hfe,mf->hnm", X, W_Q, W_K, X) / e**0.5
    A = np.exp(S - S.max(-1)[..., None])
    P = A / A.sum(-1)[..., None]
    return np.einsum("hnm,md,hdv,hvo->no", P, X, W_V, W_O.reshape(h, W_V.shape[-1], -1), optimize=True)


def multi_head_in_torch(X, W_Q, W_K, W_V, W_O):
    X, W_Q, W_K, W_V, W_O = (torch.from_numpy(a).float() for a in (X, W_Q, W_K, W_V, W_O))
    Y = torch.nn.functional.scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V)
    return torch.cat(list(Y), dim=-1) @ W_O


@pytest.mark.parametrize("answer", [multi_head_in_loops, multi_head_by_einsum, multi_head_in_torch])
def test_multi_head_in_any_style(answer):
    assert grade(heads.MULTI_HEAD, answer).passed is True


def one_head(X, W_Q, W_K, W_V, change=lambda S: S, weights=None):
    S = change((X @ W_Q) @ (X @ W_K).T / np.sqrt(W_Q.shape[1]))
    A = np.exp(S - S.max(1, keepdims=True))
    return (weights(S) if weights else A / A.sum(1, keepdims=True)) @ (X @ W_V)


def per_head(**given):
    """All heads in a loop, each with a slip."""

    def answer(X, W_Q, W_K, W_V, W_O):
        return np.hstack([one_head(X, *W, **given) for W in zip(W_Q, W_K, W_V, strict=True)]) @ W_O

    return answer


def with_shift(S, shift):
    A = np.exp(S - shift)
    return A / A.sum(1, keepdims=True)


def without_keepdims(S):
    A = np.exp(S - S.max(1, keepdims=True))
    return A / A.sum(1)


def heads_in_torch(scale=None, causal=False, join=lambda Y: torch.cat(list(Y), dim=1)):
    def answer(X, W_Q, W_K, W_V, W_O):
        Q, K, V = (torch.from_numpy(X @ W) for W in (W_Q, W_K, W_V))
        Y = torch.nn.functional.scaled_dot_product_attention(Q, K, V, is_causal=causal, scale=scale)
        return join(Y) @ torch.from_numpy(W_O)

    return answer


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_K, W_Q, W_V, W_O), "queries and keys are exchanged"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V, W_O) / len(W_Q), "number of heads"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V[::-1], W_O), "four tokens, four heads"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V, W_O).T, "shape"),
        (per_head(change=lambda S: np.where(np.tri(len(S)), S, -np.inf)), "your weights are causal"),
        (per_head(change=lambda S: S * 0.5), "four tokens, four heads"),
        (per_head(weights=without_keepdims), "so column j is divided by the sum of row j"),
        (per_head(weights=lambda S: with_shift(S, 0)), "subtract from each row its largest logit"),
        (per_head(weights=lambda S: np.exp(S)), "exponentials are not divided by their sum"),
        (per_head(weights=lambda S: S), "logits are used as weights"),
        (per_head(weights=lambda S: np.exp(S - S.max()) / np.exp(S - S.max()).sum()), "all queries of a head"),
        (heads_in_torch(scale=1.0), "not divided by sqrt(d_QK)"),
        (heads_in_torch(causal=True), "your weights are causal"),
        (heads_in_torch(join=lambda Y: Y.reshape(Y.shape[1], -1)), "move the head axis behind the token axis"),
        (heads_in_torch(join=lambda Y: Y.permute(1, 2, 0).flatten(1)), "are interleaved"),
    ],
)
def test_multi_head_rejects_other_wrong_answers_with_stage_or_reason(answer, message):
    result = grade(heads.MULTI_HEAD, answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_one_largest_logit_for_all_queries_is_not_enough():
    shift_by_all = per_head(weights=lambda S: with_shift(S, S.max()))
    result = grade(heads.MULTI_HEAD, shift_by_all)
    assert result.passed is False and "-1000 and less for query 1" in result.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda Q, n_heads: np.stack(np.split(Q, n_heads, axis=1)),
        lambda Q, n_heads: [Q[:, h * Q.shape[1] // n_heads : (h + 1) * Q.shape[1] // n_heads] for h in range(n_heads)],
        lambda Q, n_heads: torch.from_numpy(Q).unflatten(1, (n_heads, -1)).transpose(0, 1),
    ],
)
def test_split_heads_in_any_style(answer):
    assert grade(heads.SPLIT, answer).passed is True


@pytest.mark.parametrize(
    "answer",
    [
        lambda Y, W_O: [y @ w for y, w in zip(Y, np.split(W_O, len(Y)), strict=True)],
        lambda Y, W_O: np.einsum("hnv,hvd->hnd", Y, W_O.reshape(len(Y), Y.shape[2], -1)),
        lambda Y, W_O: torch.bmm(torch.from_numpy(Y), torch.from_numpy(W_O).unflatten(0, (len(Y), -1))),
    ],
)
def test_contributions_in_any_style(answer):
    assert grade(outputs.CONTRIBUTIONS, answer).passed is True


EXERCISES = {exercise.id: exercise for exercise in of_notebook("3")}


def measured_ranks(N, d_qk):
    rng = np.random.default_rng(0)
    S = rng.normal(size=(N, d_qk)) @ rng.normal(size=(d_qk, N))
    P = np.where(np.tri(N, dtype=bool), np.exp(S), 0)
    return {"logits": np.linalg.matrix_rank(S), "weights": np.linalg.matrix_rank(P / P.sum(1, keepdims=True))}


def ranks_of(logits, weights):
    return lambda N, d: {"logits": logits(N, d), "weights": weights(N, d)}


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("3.1", lambda Q, n_heads: Q.reshape(n_heads, -1), "eight tokens, two heads of width 4"),
        ("3.1", lambda Q, n_heads: np.stack(np.array_split(Q.T, n_heads)), "each head is transposed"),
        ("3.1", lambda Q, n_heads: np.stack([Q[:, h::n_heads] for h in range(n_heads)]), "every n_heads-th column"),
        ("3.1", lambda Q, n_heads: np.array_split(Q, n_heads), "`np.split` needs axis=1"),
        ("3.1", lambda Q, n_heads: np.stack(np.split(Q, n_heads, axis=1), axis=1), "in the order (n, h, e)"),
        ("3.1", lambda Q, n_heads: Q.T.reshape(n_heads, len(Q), -1), "numbers of several tokens"),
        ("3.3", lambda Y, W_O: [y @ W_O for y in Y], "three heads of width 2\n  your code raises"),
        ("3.3", lambda Y, W_O: Y @ np.stack(np.split(W_O, len(Y)))[::-1], "in reverse order"),
        ("3.3", lambda Y, W_O: np.concatenate(list(Y), axis=1) @ W_O, "keep the head axis"),
        ("3.3", lambda Y, W_O: [y @ W_O[h :: len(Y)] for h, y in enumerate(Y)], "every n_heads-th row"),
        ("3.3", lambda Y, W_O: [np.hstack(list(Y)) @ W_O] * len(Y), "each head is given the whole output"),
        ("3.4", lambda N, d: {"logits": min(N, d), "weights": N - 1}, "does not lower its rank"),
        ("3.4", lambda N, d: (min(N, d), N), "a dict is expected"),
        ("3.4", ranks_of(lambda N, d: d, lambda N, d: N), "a matrix of N rows"),
        ("3.4", ranks_of(max, lambda N, d: N), "a matrix of N rows"),
        ("3.4", ranks_of(lambda N, d: d, lambda N, d: d), "neither exceeds the number of rows"),
        ("3.4", ranks_of(lambda N, d: d if N > 2 * d else N, lambda N, d: N), "under the key 'logits', you got 7"),
        ("3.4", ranks_of(min, lambda N, d: min(N, 64)), "not bounded by a number of columns"),
        ("3.4", measured_ranks, "many tokens (N = 90"),
        ("3.5", lambda d_in, d_out, h, e, v: 2 * d_in * e + d_in * v + v * d_out, "this is one head"),
        ("3.5", lambda d_in, d_out, h, e, v: h * (2 * d_in * e + d_in * v) + d_out**2, "n_heads d_V rows, not d_out"),
        ("3.5", lambda d_in, d_out, h, e, v: h * 2 * d_in * e + d_in * v + v * d_out, "put the sum in brackets"),
        ("3.5", lambda d_in, d_out, h, e, v: h * (3 * d_in * e + e * d_out), "the width of the keys"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


@pytest.mark.parametrize("kind", [np.int64, np.array, torch.tensor, float, Fraction])
def test_a_whole_number_may_be_of_any_kind(kind):
    assert grade(EXERCISES["3.5"], lambda *sizes: kind(outputs.parameters(*sizes))).passed is True
    assert grade(EXERCISES["3.4"], lambda N, d: {k: kind(r) for k, r in outputs.ranks(N, d).items()}).passed is True


@pytest.mark.parametrize(
    "number, answer",
    [
        ("3.6", lambda P: np.array([np.mean([p[i, i - 1] for i in range(1, len(p))]) for p in P])),
        ("3.6", lambda P: [np.diag(p, -1).mean() for p in P]),
        ("3.6", lambda P: torch.from_numpy(P).diagonal(-1, 1, 2).mean(1)),
        ("3.7", lambda P, n: np.array([np.mean([p[i, i - n + 1] for i in range(n, 2 * n)]) for p in P])),
        ("3.7", lambda P, n: [np.diag(p, 1 - n)[1:].mean() for p in P]),
        ("3.7", lambda P, n: torch.from_numpy(P)[:, torch.arange(n, 2 * n), torch.arange(1, n + 1)].mean(1)),
    ],
)
def test_scores_in_any_style(number, answer):
    assert grade(EXERCISES[number], answer).passed is True


def all_queries(P, period):
    return [np.mean([p[i, i - period + 1] for i in range(period - 1, 2 * period)]) for p in P]


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("3.6", lambda P: P[:, 1:, :-1].mean((1, 2)), "all pairs of a query and a key"),
        ("3.6", lambda P: P[:, 1:, :-1].diagonal(axis1=1, axis2=2).max(-1), "the largest weight"),
        ("3.6", lambda P: float(np.diag(P[0], -1).mean()), "head 0 alone"),
        ("3.6", lambda P: np.zeros(len(P)), "all scores are 0"),
        ("3.6", lambda P: [np.mean([p[i - 1, i] for i in range(1, len(p))]) for p in P], "rows are queries"),
        ("3.6", lambda P: [np.mean([p[i, i - 1] for i in range(len(p))]) for p in P], "with column -1"),
        ("3.6", lambda P: torch.from_numpy(P).diagonal(-1).mean(-1), "the first is the head"),
        ("3.7", lambda P, n: np.stack([np.diag(p, 1 - n) for p in P]), "the expected shape is (3,)"),
        ("3.7", lambda P, n: P[:, n:, :n].diagonal(axis1=1, axis2=2).mean(-1), "the earlier copy of the same token"),
        ("3.7", lambda P, n: [np.diag(p, 1 - n)[:-1].mean() for p in P], "without a mask\n  at index"),
        ("3.7", lambda P, n: np.zeros(len(P)), "all scores are 0"),
        ("3.7", lambda P, n: [np.mean([p[i, (i + 1) % n] for i in range(n, 2 * n)]) for p in P], "given column 0"),
        ("3.7", lambda P, n: [np.mean([p[i, i - 1] for i in range(n, 2 * n)]) for p in P], "on the token before"),
        ("3.7", all_queries, "are counted too"),
    ],
)
def test_wrong_scores_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("3.1", "3.2", "3.6", "3.7")) == 32
    assert sum(EXERCISES[number].minutes for number in ("3.3", "3.4", "3.5")) == 18


def test_ranks_are_those_of_real_matrices():
    for N, d in ((4, 16), (40, 8)):
        rng = np.random.default_rng(0)
        S = rng.normal(size=(N, d)) @ rng.normal(size=(d, N)) / np.sqrt(d)
        P = np.where(np.tri(N, dtype=bool), np.exp(S), 0)
        P /= P.sum(-1, keepdims=True)
        sign, _ = np.linalg.slogdet(P)
        assert outputs.ranks(N, d) == {"logits": np.linalg.matrix_rank(S), "weights": N if sign > 0 else None}
