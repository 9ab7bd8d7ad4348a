"""Checks of notebook 03: right answers pass in any style, further wrong ones hear why."""

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
            w = [np.exp(X[i] @ W_Q[h] @ (X[j] @ W_K[h]) / W_Q.shape[-1] ** 0.5) for j in range(len(X))]
            rows.append(sum(w_j * (X[j] @ W_V[h]) for j, w_j in enumerate(w)) / sum(w))
        outputs.append(np.array(rows))
    return np.hstack(outputs) @ W_O


def multi_head_by_einsum(X, W_Q, W_K, W_V, W_O):
    h, _, e = W_Q.shape
    S = np.einsum("nd,hde,hfe,mf->hnm", X, W_Q, W_K, X) / e**0.5
    P = np.exp(S) / np.exp(S).sum(-1)[..., None]
    return np.einsum("hnm,md,hdv,hvo->no", P, X, W_V, W_O.reshape(h, W_V.shape[-1], -1), optimize=True)


def multi_head_in_torch(X, W_Q, W_K, W_V, W_O):
    X, W_Q, W_K, W_V, W_O = (torch.from_numpy(a).float() for a in (X, W_Q, W_K, W_V, W_O))
    Y = torch.nn.functional.scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V)
    return torch.cat(list(Y), dim=-1) @ W_O


@pytest.mark.parametrize("answer", [multi_head_in_loops, multi_head_by_einsum, multi_head_in_torch])
def test_multi_head_in_any_style(answer):
    assert grade(heads.MULTI_HEAD, answer).passed is True


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_K, W_Q, W_V, W_O), "one head"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V, W_O) / len(W_Q), "one token"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V[::-1], W_O), "one token"),
        (lambda X, W_Q, W_K, W_V, W_O: multi_head_in_loops(X, W_Q, W_K, W_V, W_O).T, "shape"),
    ],
)
def test_multi_head_rejects_other_wrong_answers_with_the_stage(answer, message):
    result = grade(heads.MULTI_HEAD, answer)
    assert result.passed is False and message.lower() in result.message.lower()


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


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("3.1", lambda Q, n_heads: Q.reshape(n_heads, -1), "one head: only a leading axis of length 1 is new"),
        ("3.1", lambda Q, n_heads: np.stack(np.array_split(Q.T, n_heads)), "each head is transposed"),
        ("3.1", lambda Q, n_heads: np.stack([Q[:, h::n_heads] for h in range(n_heads)]), "every n_heads-th column"),
        ("3.3", lambda Y, W_O: [y @ W_O for y in Y], "three heads of width 2: your code raises"),
        ("3.3", lambda Y, W_O: Y @ np.stack(np.split(W_O, len(Y)))[::-1], "three heads of width 2\n  at index"),
        ("3.3", lambda Y, W_O: np.concatenate(list(Y), axis=1) @ W_O, "keep the head axis"),
        ("3.4", lambda N, d: {"logits": min(N, d), "weights": N - 1}, "fewer tokens than columns"),
        ("3.4", lambda N, d: (min(N, d), N), "a dict is expected"),
        ("3.4", lambda N, d: {"logits": d, "weights": d}, "neither rank exceeds the number of rows"),
        ("3.5", lambda d_in, d_out, h, e, v: 2 * d_in * e + d_in * v + v * d_out, "this is one head"),
        ("3.5", lambda d_in, d_out, h, e, v: h * (2 * d_in * e + d_in * v) + d_out**2, "one head: d_in = 5"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


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


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("3.6", lambda P: P[:, 1:, :-1].mean((1, 2)), "three heads with random weights\n  at index"),
        (
            "3.6",
            lambda P: P[:, 1:, :-1].diagonal(axis1=1, axis2=2).max(-1),
            "three heads with random weights\n  at index",
        ),
        ("3.6", lambda P: float(np.diag(P[0], -1).mean()), "the expected shape is (3,)"),
        ("3.7", lambda P, n: np.stack([np.diag(p, 1 - n) for p in P]), "the expected shape is (3,)"),
        ("3.7", lambda P, n: P[:, n:, :n].diagonal(axis1=1, axis2=2).mean(-1), "the earlier copy of the same token"),
        ("3.7", lambda P, n: [np.diag(p, 1 - n)[:-1].mean() for p in P], "period 7\n  at index"),
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
