"""Checks of notebook 08: right answers pass in any style, and wrong ones that nobody foresaw hear something true."""

import math

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.exercises import nb08_absorbing as absorbing
from course_lib.exercises import nb08_form_costs as form_costs
from course_lib.exercises import nb08_grouped_as_latent as grouped_as_latent
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.reference.attention import attention_weights
from course_lib.reference.cache import step
from course_lib.reference.grouped import GroupedQueryAttention
from course_lib.reference.latent import LatentAttention, from_grouped
from course_lib.reference.masks import causal_mask

EXERCISES = {exercise.id: exercise for exercise in of_notebook("8")}


@pytest.mark.parametrize("h, g", [(1, 1), (6, 2), (6, 6), (5, 1)])
def test_selectors_are_those_of_the_reference(h, g):
    layer = GroupedQueryAttention.random(
        GroupedConfig(d_model=7, n_heads=h, n_kv_heads=g, d_head=3), np.random.default_rng(0)
    )
    latent, (W_LK, W_LV) = from_grouped(layer), grouped_as_latent.selectors(h, g, 3)
    np.testing.assert_array_equal(W_LK, latent.W_LK)
    np.testing.assert_array_equal(W_LV, latent.W_LV)


def test_absorbed_scores_and_merged_values_are_the_layer():
    """Tolerance 1e-12: sums of at most 33 terms of size 1."""
    rng = np.random.default_rng(1)
    layer = LatentAttention.random(LatentConfig(d_model=11, n_heads=3, d_latent=7, d_head=4, d_value=5), rng)
    X = rng.normal(size=(6, 11))
    L = X @ layer.W_L
    asking, S = absorbing.absorb_keys(X @ layer.W_Q, layer.W_LK, L)
    P = np.tril(np.exp(S))
    P /= P.sum(-1, keepdims=True)
    np.testing.assert_allclose(
        P, attention_weights(X @ layer.W_Q, L @ layer.W_LK, causal_mask(6, 6)), rtol=0, atol=1e-13
    )
    W_LO = absorbing.merge_values(layer.W_LV, layer.W_O.reshape(15, 11))
    Y = np.concatenate(list(P @ L), axis=1) @ W_LO
    np.testing.assert_allclose(Y, step(layer, X)[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(asking @ L.T / 2, S, rtol=0, atol=1e-12)  # sqrt(d_QK) = 2


@pytest.mark.parametrize("rope", [0, 6])
def test_costs_are_those_of_accounting(rope):
    config = LatentConfig(d_model=11, n_heads=3, d_latent=7, d_head=4, d_value=5, d_rope=rope)
    for form in (accounting.expanded(config), accounting.absorbed(config)):
        got = form_costs.per_cached_token(3, 4, 5, 7, rope, form.name == "absorbed")
        assert got == {"flops": 2 * form.attend, "numbers": form.floats_per_row}


def selectors_in_loops(h, g, e):
    W_LK, W_LV = ([[[0.0] * e for _ in range(2 * g * e)] for _ in range(h)] for _ in range(2))
    for i in range(h):
        for c in range(e):
            W_LK[i][i * g // h * e + c][c] = 1.0
            W_LV[i][(g + i * g // h) * e + c][c] = 1.0
    return W_LK, W_LV


def selectors_by_einsum(h, g, e):
    role, group, one = np.eye(2), np.repeat(np.eye(g), h // g, axis=0), np.eye(e)
    return tuple(np.einsum("r,hg,ce->hrgce", role[k], group, one).reshape(h, 2 * g * e, e) for k in (0, 1))


def selectors_in_torch(h, g, e):
    one = torch.eye(2 * g * e).view(2 * g * e, 2, g, e).repeat_interleave(h // g, dim=2)
    return [one[:, k].transpose(0, 1) for k in (0, 1)]


def absorb_in_loops(Q, W_LK, L):
    asking = [[W @ q for q in head] for head, W in zip(Q, W_LK, strict=True)]
    return asking, [[[a @ row / math.sqrt(Q.shape[2]) for row in L] for a in head] for head in asking]


def absorb_by_einsum(Q, W_LK, L):
    asking = np.einsum("hne,hre->hnr", Q, W_LK)
    return asking, np.einsum("hnr,mr->hnm", asking, L) * Q.shape[-1] ** -0.5


def absorb_in_torch(Q, W_LK, L):
    Q, W_LK, L = map(torch.from_numpy, (Q, W_LK, L))
    asking = torch.bmm(Q, W_LK.mT)
    return asking, asking @ L.T / Q.shape[-1] ** 0.5


def merge_in_loops(W_LV, W_O):
    v = W_LV.shape[2]
    return np.concatenate([W @ W_O[i * v : (i + 1) * v] for i, W in enumerate(W_LV)])


def merge_by_blocks(W_LV, W_O):
    return torch.block_diag(*torch.from_numpy(W_LV)) @ torch.from_numpy(W_O)


def merge_by_einsum(W_LV, W_O):
    h, r, v = W_LV.shape
    return np.einsum("hrv,hvd->hrd", W_LV, W_O.reshape(h, v, -1)).reshape(h * r, -1)


def cost_in_cases(n_heads, d_head, d_value, d_latent, d_rope, absorbed):
    per_head = 2 * (2 * d_latent + d_rope) if absorbed else 2 * (d_head + d_rope) + 2 * d_value
    read = d_latent + d_rope if absorbed else n_heads * d_head + n_heads * d_rope + n_heads * d_value
    return {"numbers": np.int64(read), "flops": n_heads * per_head}


@pytest.mark.parametrize(
    "number, answer",
    [
        ("8.1", selectors_in_loops),
        ("8.1", selectors_by_einsum),
        ("8.1", selectors_in_torch),
        ("8.2", absorb_in_loops),
        ("8.2", absorb_by_einsum),
        ("8.2", absorb_in_torch),
        ("8.3", merge_in_loops),
        ("8.3", merge_by_blocks),
        ("8.3", merge_by_einsum),
        ("8.4", cost_in_cases),
        ("8.4", lambda *sizes: {k: float(v) for k, v in cost_in_cases(*sizes).items()}),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def key_of_every_group(h, g, e):
    W_LK, W_LV = selectors_by_einsum(h, g, e)
    return W_LK.sum(0, keepdims=True) + 0 * W_LK, W_LV


def scaled_keys(h, g, e):
    W_LK, W_LV = selectors_by_einsum(h, g, e)
    return W_LK / math.sqrt(e), W_LV


def absorb_with_joined_heads(Q, W_LK, L):
    asking = np.concatenate(list(Q), axis=1) @ np.concatenate(list(W_LK), axis=1).T
    return asking, asking @ L.T / math.sqrt(Q.shape[-1])


def merged_up_projections(Q, W_LK, L):
    return Q @ W_LK.swapaxes(-1, -2) @ L.T / math.sqrt(Q.shape[-1]), Q @ W_LK.swapaxes(-1, -2)


def hidden(S):
    """Without what lies in the future of the last n tokens."""
    n, N = S.shape[1:]
    return np.where(np.tri(n, N, N - n), S, -np.inf)


def absorb_by_pinv(Q, W_LK, L):
    asking = Q @ np.linalg.pinv(W_LK)
    return asking, asking @ L.T / math.sqrt(Q.shape[-1])


def merge_all(W_LV, W_O):
    return np.concatenate(list(W_LV), axis=1) @ W_O


def merge_transposed_blocks(W_LV, W_O):
    return merge_in_loops(W_LV, W_O).T


def cost_of(**changes):
    """cost_in_cases with some sizes replaced by functions of all six."""

    def answer(*sizes):
        names = ("n_heads", "d_head", "d_value", "d_latent", "d_rope", "absorbed")
        given = dict(zip(names, sizes, strict=True))
        return cost_in_cases(**given | {name: change(**given) for name, change in changes.items()})

    return answer


def cost_with_a_rotary_key_for_each_head(h, e, v, r, p, absorbed):
    return cost_in_cases(h, e, v, r, p, absorbed) | ({"numbers": r + h * p} if absorbed else {})


def cost_with_narrow_values(h, e, v, r, p, absorbed):
    return cost_in_cases(h, e, v, r, p, absorbed) | ({"flops": h * (2 * (r + p) + 2 * v)} if absorbed else {})


cost_without_rope = cost_of(d_rope=lambda **_: 0)


def cost_with(flops):
    """The right numbers, and FLOPs of their own."""
    return lambda *sizes: cost_in_cases(*sizes) | {"flops": flops(*sizes)}


WRONG_FLOPS = [
    (lambda h, e, v, r, p, a: 2 * h * (2 * r + p if a else 2 * e + p), "take d_QK for the width of the value"),
    (lambda h, e, v, r, p, a: 2 * (h * (2 * r if a else e + v) + p), "rotary part are those of one head"),
    (lambda h, e, v, r, p, a: 2 * h * (2 * r + p + r * e if a else e + p + v), "absorption of the query is counted"),
    (lambda h, e, v, r, p, a: 2 * h * (2 * r + p + r * (e + v) if a else e + p + v), "of keys and values is counted"),
]


def absorb_and_divide(Q, W_LK, L, by):
    asking = np.einsum("hne,hre->hnr", Q, W_LK)
    return asking, asking @ L.T / by


def selectors_with(h, g, columns, e):
    """Each selection from columns(k) of the identity, k = q for the keys of group q and g + q for its values."""
    picked = np.zeros((2, h, 2 * g * e, e))
    for kind, head in np.ndindex(2, h):
        chosen = np.eye(2 * g * e)[:, columns(kind * g + head // (h // g))]
        picked[kind, head, :, : chosen.shape[1]] = chosen
    return picked


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("8.1", key_of_every_group, "six heads in three groups\n  in entry 0"),
        ("8.1", scaled_keys, "one head, so the first half of L is its key"),
        ("8.1", lambda h, g, e: selectors_by_einsum(h, g, e)[::-1], "keys and values have changed places"),
        (
            "8.1",
            lambda h, g, e: np.concatenate(selectors_by_einsum(h, g, e), axis=-1),
            "you return one array",
        ),
        ("8.1", lambda h, g, e: tuple(np.array(W)[::-1] for W in selectors_in_loops(h, g, e)), "in three groups"),
        (
            "8.1",
            lambda h, g, e: (lambda W: (W[0][:, : g * e], W[1][:, g * e :]))(selectors_by_einsum(h, g, e)),
            "whole L",
        ),
        ("8.2", absorb_with_joined_heads, "the heads are summed"),
        ("8.2", merged_up_projections, "changed places"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q / Q.shape[2] ** 0.5, W, L, Q.shape[2] ** 0.5), "applied twice"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, math.sqrt(len(Q))), "sqrt(h)"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, math.sqrt(len(Q[0]))), "sqrt(n)"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, len(Q)), "three heads, d_L = d_QK"),
        ("8.2", lambda Q, W, L: (absorb_by_einsum(Q, W, L)[0], absorb_in_torch(Q, W, L)[1].exp()), "exponentials"),
        ("8.2", absorb_by_pinv, "three heads, d_L = d_QK"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, math.sqrt(Q.shape[2] + len(L[0]))), "sqrt(d_QK + d_L)"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, Q.shape[2] ** -0.5), "multiplied by sqrt(d_QK)"),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W, L, len(L[0])), "three heads, d_L = d_QK = 3\n  In entry 1"),
        (
            "8.2",
            lambda Q, W, L: (Q @ W.swapaxes(1, 2), Q @ W.swapaxes(1, 2) @ L.T / math.sqrt(W.shape[1])),
            "sqrt(d_L)",
        ),
        ("8.2", lambda Q, W, L: (L @ W, Q @ (L @ W).swapaxes(1, 2) / math.sqrt(W.shape[2])), "you form the keys"),
        ("8.2", lambda Q, W, L: np.einsum("hne,hre,mr->hnm", Q, W, L), "three heads, d_L = d_QK = 3\n  "),
        (
            "8.2",
            lambda Q, W, L: (lambda asking, S: (asking, hidden(S)))(*absorb_by_einsum(Q, W, L)),
            "Later tokens are hidden",
        ),
        ("8.2", lambda Q, W, L: (Q @ W.T, Q @ W.T @ L.T / math.sqrt(Q.shape[2])), "reverses all three axes"),
        ("8.3", merge_all, "the heads are summed"),
        ("8.3", merge_transposed_blocks, "transposed"),
        ("8.3", lambda W_LV, W_O: merge_in_loops(W_LV[::-1], W_O), "three heads"),
        ("8.3", lambda W_LV, W_O: W_O, "one head, d_L = d_V"),
        ("8.3", lambda W_LV, W_O: W_LV.reshape(-1, W_LV.shape[2]) @ W_O[: W_LV.shape[2]], "first rows of W_O"),
        ("8.3", lambda W_LV, W_O: np.hstack(np.split(merge_in_loops(W_LV, W_O), len(W_LV))), "stand side by side"),
        ("8.4", cost_without_rope, "the rotary coordinates are missing"),
        ("8.4", cost_with(lambda h, e, v, r, p, a: 2 * h * (r + p if a else e + p)), "as the score takes them alone"),
        (
            "8.4",
            cost_with(lambda h, e, v, r, p, a: 2 * h * (2 * r + p) if a else 2 * (h * (e + v) + p)),
            "Expanded, the rotary part of the FLOPs is counted for one head",
        ),
        (
            "8.4",
            lambda *sizes: cost_in_cases(*sizes) | {"flops": cost_without_rope(*sizes)["flops"]},
            "runs over the d_R",
        ),
        ("8.4", lambda *sizes: cost_without_rope(*sizes) | {"flops": cost_in_cases(*sizes)["flops"]}, "are read, too"),
        ("8.4", lambda *sizes: {k: v * (1 + (k == "numbers")) for k, v in cost_in_cases(*sizes).items()}, "bytes"),
        (
            "8.4",
            lambda *sizes: cost_in_cases(*sizes) | {"flops": cost_in_cases(1, *sizes[1:])["flops"]},
            "of one head",
        ),
        (
            "8.4",
            cost_of(d_rope=lambda d_rope, absorbed, **_: d_rope * absorbed),
            "Expanded, the rotary coordinates are",
        ),
        *[("8.4", cost_with(flops), message) for flops, message in WRONG_FLOPS],
        ("8.4", cost_with_a_rotary_key_for_each_head, "K_R is shared by all heads"),
        ("8.4", cost_with_narrow_values, "the mix runs over L"),
        ("8.4", cost_of(absorbed=lambda **_: True), "of the absorbed form. Here `absorbed` is False"),
        ("8.4", cost_of(absorbed=lambda **_: False), "absorbed, one head"),
        ("8.4", cost_of(d_value=lambda d_head, **_: d_head), "This takes d_QK for it"),
        ("8.4", lambda *sizes: list(cost_in_cases(*sizes).values()), "a dict is expected"),
        ("8.1", lambda h, g, e: selectors_with(h, g, lambda k: slice(k, None, 2 * g), e), "2 g apart"),
        ("8.1", lambda h, g, e: selectors_with(h, g, lambda k: slice(k * e, k * e + 1), e), "picks one column"),
        (
            "8.2",
            lambda Q, W, L: absorb_and_divide(Q, W.swapaxes(1, 2), L, 1) if W.shape[1] == W.shape[2] else (0, 0),
            "is not transposed, and the scores are not scaled",
        ),
        ("8.2", lambda Q, W, L: absorb_and_divide(Q, W[:1] * 0 + W.sum(0), L, Q.shape[2] ** 0.5), "sum of all W_LK"),
        (
            "8.3",
            lambda W_LV, W_O: (W_LV @ W_O.reshape(len(W_LV), -1, W_O.shape[1]).sum(0)).reshape(-1, W_O.shape[1]),
            "the sum of all blocks",
        ),
        ("8.4", cost_with(lambda h, e, v, r, p, a: h * (2 * r + 2 * p) if a else 2 * h * (e + p + v)), "the score"),
        ("8.4", cost_with(lambda h, e, v, r, p, a: 2 * h * (e + p + v)), "of the expanded form in either form"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_right_numbers_in_a_wrong_shape_hear_no_question():
    result = grade(EXERCISES["8.3"], lambda W_LV, W_O: merge_by_blocks(W_LV, W_O).reshape(len(W_LV), -1))
    assert "The numbers are right, and in the right order" in result.message and "?" not in result.message
