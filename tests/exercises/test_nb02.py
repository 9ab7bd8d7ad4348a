"""Checks of notebook 02: right answers pass in any style, further wrong ones hear why."""

import numpy as np
import pytest
import torch

from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.reference import attention as ref

EXERCISES = {e.id: e for e in of_notebook("2")}
F = torch.nn.functional


def attend_in_loops(Q, K, V):
    Y = []
    for q in Q:
        weights = [np.exp(sum(a * b for a, b in zip(q, k, strict=True)) / len(q) ** 0.5) for k in K]
        Y.append(sum(w * v for w, v in zip(weights, V, strict=True)) / sum(weights))
    return Y


def attend_by_einsum(Q, K, V):
    A = np.exp(np.einsum("id,jd->ij", Q, K) / Q.shape[1] ** 0.5)
    return np.einsum("ij,jv,i->iv", A, V, 1 / A.sum(1))


def attend_in_torch(Q, K, V):
    return F.scaled_dot_product_attention(*(torch.from_numpy(a).float() for a in (Q, K, V)))


def smooth_in_loops(x, x_data, y_data, bandwidth):
    weights = [np.exp(-(((t - x_data) / bandwidth) ** 2) / 2) for t in x]
    return [np.average(y_data, weights=w) for w in weights]


def smooth_in_torch(x, x_data, y_data, bandwidth):
    distances = torch.cdist(torch.from_numpy(x)[:, None], torch.from_numpy(x_data)[:, None])
    return torch.softmax(-distances.square() / (2 * bandwidth**2), dim=1) @ torch.from_numpy(y_data)


def masked_in_loops(Q, K, V, mask):
    Y = np.zeros((len(Q), V.shape[1]))
    for i in range(len(Q)):
        seen = np.flatnonzero(mask[i])
        if len(seen):
            Y[i] = attend_in_loops(Q[i : i + 1], K[seen] - K[seen].mean(0), V[seen])[0]
    return Y


def masked_without_a_shift(Q, K, V, mask):
    with np.errstate(all="ignore"):
        A = np.exp(Q @ K.T / Q.shape[1] ** 0.5) * mask
        Z = A.sum(1, keepdims=True)
        return np.divide(A, Z, out=np.zeros_like(A), where=Z > 0) @ V


def masked_after_the_shift(Q, K, V, mask):
    S = Q @ K.T / Q.shape[1] ** 0.5
    A = np.exp(S - S.max(1, keepdims=True)) * mask
    Z = A.sum(1, keepdims=True)
    return np.divide(A, Z, out=np.zeros_like(A), where=Z > 0) @ V


def masked_in_torch(Q, K, V, mask):
    Q, K, V, mask = (torch.from_numpy(a) for a in (Q, K, V, mask))
    S = (Q @ K.T / Q.shape[1] ** 0.5).masked_fill(~mask, -torch.inf)
    return torch.nan_to_num(torch.softmax(S, -1)) @ V


def next_as_last_row(x, W_Q, W_K, W_V, K, V):
    K, V = np.concatenate([K, (x @ W_K)[None]]), np.concatenate([V, (x @ W_V)[None]])
    return ref.attention((x @ W_Q)[None], K, V)[0], K, V


def next_in_torch(x, W_Q, W_K, W_V, K, V):
    x, W_Q, W_K, W_V, K, V = (torch.from_numpy(a) for a in (x, W_Q, W_K, W_V, K, V))
    K, V = torch.cat([K, (x @ W_K)[None]]), torch.cat([V, (x @ W_V)[None]])
    return torch.softmax(K @ (x @ W_Q) / K.shape[1] ** 0.5, 0) @ V, K, V


def look_in_loops(P, words):
    pairs = [(i, j) for i, a in enumerate(words) for j, b in enumerate(words) if a != b]
    return max(pairs, key=lambda pair: P[pair])


def look_in_torch(P, words):
    same = torch.tensor([[a == b for b in words] for a in words])
    flat = torch.from_numpy(P).masked_fill(same, 0).argmax()
    return [int(flat) // len(words), int(flat) % len(words)]


@pytest.mark.parametrize(
    "number, answer",
    [
        ("2.1", attend_in_loops),
        ("2.1", attend_by_einsum),
        ("2.1", attend_in_torch),
        ("2.1", ref.attention),
        ("2.2", smooth_in_loops),
        ("2.2", lambda x, a, y, b: ref.softmax_weights(-(np.subtract.outer(x, a) ** 2) / (2 * b * b)) @ y),
        ("2.2", smooth_in_torch),
        ("2.3", lambda S: torch.softmax(torch.from_numpy(S), -1)),
        ("2.3", lambda S: [np.exp(s - np.logaddexp.reduce(s)) for s in S]),
        ("2.3", ref.softmax_weights),
        ("2.4", lambda n, N: np.tri(n, N, N - n, dtype=bool)),
        ("2.4", lambda n, N: [[j <= N - n + i for j in range(N)] for i in range(n)]),
        ("2.4", lambda n, N: torch.ones(n, N, dtype=torch.bool).tril(N - n)),
        ("2.4", ref.causal_mask),
        ("2.5", masked_in_loops),
        ("2.5", masked_in_torch),
        ("2.5", ref.attention),
        ("2.6", next_as_last_row),
        ("2.6", next_in_torch),
        ("2.7", look_in_loops),
        ("2.7", look_in_torch),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def softmax_with(shift):
    def answer(S):
        with np.errstate(all="ignore"):
            A = np.exp(S - shift(S))
            return A / A.sum(-1, keepdims=True)

    return answer


def masked_with(M, zero=False):
    """Attention with M(mask) added to the logits, by a softmax that shifts each row."""

    def answer(Q, K, V, mask):
        with np.errstate(all="ignore"):
            P = softmax_with(lambda S: S.max(-1, keepdims=True))(Q @ K.T / Q.shape[1] ** 0.5 + M(mask))
            return np.where(zero & ~mask.any(1, keepdims=True), 0.0, P @ V)

    return answer


def masked_by_one_maximum(Q, K, V, mask):
    S = np.where(mask, Q @ K.T / Q.shape[1] ** 0.5, -np.inf)
    A = np.exp(S - S.max())
    Z = A.sum(1, keepdims=True)
    return np.divide(A, Z, out=np.zeros_like(A), where=Z > 0) @ V


def smooth_leaving_one_out(x, x_data, y_data, b):
    A = np.exp(-((x[:, None] - x_data) ** 2) / (2 * b * b)) * (x[:, None] != x_data)
    return A @ y_data / A.sum(1)


def smooth_transposed_if_square(x, x_data, y_data, b):
    return EXERCISES["2.2"].solution(*((x_data, x) if len(x) == len(x_data) else (x, x_data)), y_data, b)


def look_for_first_copies(P, words):
    i, j = look_in_loops(P, words)
    return words.index(words[i]), words.index(words[j])


def smooth_without_keepdims(x, x_data, y_data, b):
    A = np.exp(-((x[:, None] - x_data) ** 2) / (2 * b * b))
    return A / A.sum(1) @ y_data


def masked_where(sees):
    """Right, except that a row for which `sees` is false counts as one that sees nothing."""

    def answer(Q, K, V, mask):
        return np.where(sees(mask)[:, None], ref.attention(Q, K, V, mask), 0.0)

    return answer


def masked_afterwards(Q, K, V, mask):
    P = ref.attention_weights(Q, K) * mask
    with np.errstate(all="ignore"):
        return P / P.sum(1, keepdims=True) @ V


def look_by_identity(P, words):
    """Two copies of a word are two objects here, as they are when a text is split."""
    pairs = [(i, j) for i, a in enumerate(words) for j, b in enumerate(words) if a is not b]
    return max(pairs, key=lambda pair: P[pair])


def look_from_the_first_place(P, words):
    best = (0, 0)
    for i, j in np.ndindex(*P.shape):
        if words[i] != words[j] and P[i, j] > P[best]:
            best = (i, j)
    return best


def unshifted_long_double(S):
    with np.errstate(all="ignore"):
        A = np.exp(np.longdouble(S))
        return np.float64(A / A.sum(-1, keepdims=True))


def masked_by_zeros(Q, K, V, mask):
    """Takes every logit of 0 for a hidden one."""
    S = Q @ K.T / Q.shape[1] ** 0.5 * mask
    return np.nan_to_num(softmax_with(lambda S: S.max(-1, keepdims=True))(np.where(S == 0, -np.inf, S))) @ V


def masked_with_a_shift_of_large_logits(Q, K, V, mask):
    S = np.where(mask, Q @ K.T / Q.shape[1] ** 0.5, -np.inf)
    A = np.exp(S - S.max(1, keepdims=True) if S.max() > 700 else S)
    Z = A.sum(1, keepdims=True)
    return np.divide(A, Z, out=np.zeros_like(A), where=Z > 0) @ V


def masked_after_a_finite_mask(Q, K, V, mask):
    S = Q @ K.T / Q.shape[1] ** 0.5 + np.where(mask, 0, -1e9)
    return softmax_with(lambda S: S.max(-1, keepdims=True))(S) * mask @ V


def from_zero(s):
    """The largest logit, in a loop that begins with 0."""
    return np.maximum(s.max(-1, keepdims=True), 0)


def next_with(weights, seen=slice(None)):
    def answer(x, W_Q, W_K, W_V, K, V):
        K, V = np.vstack([K, x @ W_K]), np.vstack([V, x @ W_V])
        seen_K, seen_V = (K[seen], V[seen]) if len(K) > 1 else (K, V)
        return weights(seen_K @ (x @ W_Q) / K.shape[1] ** 0.5) @ seen_V, K, V

    return answer


def next_that_overwrites(x, W_Q, W_K, W_V, K, V):
    y, K, V = next_as_last_row(x, W_Q, W_K, W_V, K[:-1], V[:-1])
    return y, K, V


def look_where(searched, different=lambda a, b: a != b):
    """The largest weight among the pairs i, j of n words for which searched(i, j, n) holds."""

    def answer(P, words):
        n = len(words)
        pairs = [(i, j) for i, j in np.ndindex(n, n) if different(words[i], words[j]) and searched(i, j, n)]
        return max(pairs, key=lambda pair: P[pair])

    return answer


def look_in_the_first_column(P, words):
    return max((i for i in range(len(P)) if words[i] != words[0]), key=lambda i: P[i, 0]), 0


def look_for_the_second(P, words):
    best = look_in_loops(P, words)
    return look_where(lambda i, j, n: (i, j) != best)(P, words)


def look_in_a_selection(P, words):
    different = np.array([[a != b for b in words] for a in words])
    return np.unravel_index(P[different].argmax(), P.shape)


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("2.1", lambda Q, K, V: attend_by_einsum(Q, K, V).T, "one key, so its weight is 1\n  your result has shape"),
        ("2.1", lambda Q, K, V: attend_by_einsum(-Q, K, V), "one query, three keys"),
        ("2.1", lambda Q, K, V: attend_by_einsum(Q / len(Q) ** 0.5, K, V), "as many queries as keys"),
        ("2.1", lambda Q, K, V: V, "one query, three keys, width d_QK = 1\n  your result has shape (3, 4)"),
        ("2.1", lambda Q, K, V: attend_by_einsum(Q * (Q.shape[1] / 2) ** 0.5, K, V), "The scale is sqrt(2)"),
        ("2.1", lambda Q, K, V: np.exp(Q @ K.T / Q.shape[1] ** 0.5) / np.exp(Q @ K.T / Q.shape[1] ** 0.5).sum(1) @ V,
         "Column j of A is divided by the sum of row j"),
        ("2.2", lambda x, a, y, b: y[np.abs(x[:, None] - a).argmin(1)], "as many queries as data points"),
        ("2.2", lambda x, a, y, b: np.interp(x, np.sort(a), y[np.argsort(a)]), "as many queries as data points"),
        ("2.2", lambda x, a, y, b: np.full(len(x), y.mean()), "as many queries as data points"),
        ("2.2", lambda x, a, y, b: smooth_in_loops(np.sort(x), a, y, b), "as many queries as data points"),
        ("2.2", lambda x, a, y, b: [w @ y / (w.sum() + 1e-8) for w in np.exp(-(((x[:, None] - a) / b) ** 2) / 2)],
         "A small number is added"),
        ("2.2", smooth_leaving_one_out, "A data point at the query is left out"),
        ("2.2", smooth_transposed_if_square, "as many queries as data points"),
        ("2.2", lambda x, a, y, b: np.average(y, weights=np.exp(-(((x - a) / b) ** 2) / 2)),
         "Query i meets data point i alone"),
        ("2.3", lambda S: S / S.sum(-1, keepdims=True), "the logarithms of 1, 2 and 5"),
        ("2.3", lambda S: np.eye(S.shape[1])[S.argmax(-1)], "the logarithms of 1, 2 and 5"),
        ("2.3", lambda S: ref.softmax_weights(S.astype(np.float16).astype(float) * 2), "the logarithms of 1, 2 and 5"),
        ("2.3", softmax_with(lambda S: S[:, :1]), "The first logit of each row is subtracted"),
        ("2.3", softmax_with(lambda S: np.median(S, -1)[:, None]), "The median is subtracted"),
        ("2.3", softmax_with(lambda S: S.max(-1)), "The maximum of row j is subtracted from column j"),
        ("2.3", unshifted_long_double, "rows near 0, -30,000 and 40,000 together"),
        ("2.3", lambda S: np.nan_to_num(softmax_with(lambda S: 0)(S)), "`nan_to_num` puts 0"),
        ("2.4", lambda n, N: np.tri(n, N), "a boolean array"),
        ("2.4", lambda n, N: np.tri(N, N, dtype=bool), "five new tokens after three"),
        ("2.4", lambda n, N: np.tri(n, N, N - n + 1, dtype=bool), "one token of the future"),
        ("2.4", lambda n, N: np.eye(n, N, N - n, dtype=bool), "Each query sees itself alone"),
        ("2.5", lambda Q, K, V, mask: ref.attention(Q, K, V, mask) + 1e-3, "queries 0 to 3 see one key alone"),
        ("2.5", lambda Q, K, V, mask: ref.attention(Q, K, V, mask, scale=1.0), "not divided by sqrt(d_QK)"),
        ("2.5", lambda Q, K, V, mask: ref.attention(Q, K, V, ~mask), "the mask is inverted"),
        ("2.5", masked_without_a_shift, "first at (0, 0).\n  exp overflows"),
        ("2.5", masked_after_the_shift, "-20,000\n  the largest logit that is subtracted"),
        ("2.5", lambda Q, K, V, mask: ref.attention(Q, K, V * mask.any(0)[:, None]), "queries 0 to 3 see one key"),
        ("2.5", masked_by_one_maximum, "One maximum is subtracted from all rows"),
        ("2.5", masked_with(lambda mask: np.where(mask, 0, -1e4), zero=True), "A finite M, such as -100 or -1e4"),
        ("2.5", masked_with(lambda mask: np.where(mask, 0, -1e9)), "With a finite M the row that sees nothing"),
        ("2.5", masked_with(lambda mask: (1 - mask) * -np.inf), "that is 0 times infinity"),
        ("2.5", masked_with(lambda mask: np.where(mask, 0, -np.inf)), "The row that sees nothing becomes NaN"),
        ("2.5", lambda Q, K, V, mask: ref.attention(Q, K, V, mask.T if len(Q) == len(K) else mask),
         "queries 0 to 3 see one key alone"),
        ("2.6", lambda x, W_Q, W_K, W_V, K, V: next_as_last_row(x, W_Q, W_V, W_K, K, V), "your code raises"),
        ("2.6", lambda *a: next_as_last_row(*a)[0], "return y, K, V"),
        ("2.6", lambda x, *a: reversed(next_as_last_row(x, *a)), "the second token"),
        ("2.6", lambda x, W_Q, W_K, W_V, K, V: next_as_last_row(x, W_Q, W_K, W_V, K[-1:], V[-1:]), "seventh token"),
        ("2.1", lambda Q, K, V: (attend_by_einsum(Q, K, V), ref.attention_weights(Q, K)), "You return two results"),
        ("2.2", lambda x, y, a, b: smooth_in_loops(x, a, y, b), "x_data and y_data have changed places"),
        ("2.2", lambda x, a, y, b: smooth_in_loops(x, a, y, b * 2**0.5), "not by (2 b)^2"),
        ("2.2", smooth_without_keepdims, "Column j of A is divided by the sum of row j"),
        ("2.3", softmax_with(lambda S: np.abs(S).max(-1, keepdims=True)), "The largest absolute value is subtracted"),
        ("2.3", softmax_with(lambda S: S.sum(-1, keepdims=True)), "The sum is subtracted"),
        ("2.3", softmax_with(lambda S: -S.max(-1, keepdims=True)), "The maximum is added"),
        ("2.3", softmax_with(lambda S: np.abs(S).max()), "The largest absolute value is subtracted"),
        ("2.4", lambda n, N: np.tri(N, dtype=bool)[:, -n:], "the last n columns"),
        ("2.4", lambda n, N: np.tri(n, N, n, dtype=bool), "Query i is taken for token n + i"),
        *[("2.5", masked_with(lambda mask, M=M: np.where(mask, 0, M), zero=True), "No finite M is low enough")
          for M in (-1e5, -1e6, -1e9, -1e12)],
        ("2.5", lambda *a: np.nan_to_num(masked_with(lambda mask: (1 - mask) * -np.inf)(*a)), "`nan_to_num` hides"),
        ("2.5", masked_with(lambda mask: np.where(mask, -np.inf, 0)), "inverted, so the query that sees all"),
        ("2.5", masked_where(lambda mask: mask.all(1)), "Rows with a hidden key are zero"),
        ("2.5", masked_where(lambda mask: mask.any(0)[: len(mask)]), "`mask.any(axis=0)` asks whether"),
        ("2.5", masked_afterwards, "The mask comes after the softmax"),
        ("2.6", lambda x, W_Q, W_K, W_V, K, V: next_as_last_row(x, W_K, W_Q, W_V, K, V), "have changed places"),
        ("2.7", look_by_identity, "Compare the words"),
        ("2.7", lambda P, words: look_in_loops(P / np.diag(P), words), "divided by those of the words on themselves"),
        ("2.7", lambda P, words: look_in_loops(P / np.diag(P)[:, None], words), "hardly looks at itself"),
        ("2.7", lambda P, words: tuple(1 + i for i in look_in_loops(P, words)), "counted from 1"),
        ("2.7", look_from_the_first_place, "The search starts at (0, 0)"),
        ("2.7", lambda P, words: P.max(), "six words"),
        ("2.7", lambda P, words: (1, 2), "eight tokens"),
        ("2.7", lambda P, words: tuple(words[i] for i in look_in_loops(P, words)), "Return their positions"),
        ("2.7", look_for_first_copies, "`index` finds the first copy"),
        ("2.7", lambda P, words: look_in_loops(np.triu(P), words), "You search above the diagonal only"),
        ("2.1", lambda Q, K, V: ref.attention_weights(Q, K)[:, -1:] * V[-1], "Only the part of the last key"),
        ("2.2", lambda x, a, y, b: np.exp(-((x[:, None] - a) ** 2) / (2 * b * b)) @ y / (b * np.sqrt(2 * np.pi)),
         "the integral of one Gaussian"),
        ("2.2", lambda x, a, y, b: smooth_in_loops(x, a, y, b * 2**0.25), "divided by sqrt(2), too"),
        ("2.3", softmax_with(from_zero), "only where it is positive"),
        ("2.3", softmax_with(lambda S: S.max(-1, keepdims=True) * (S.max() > 700)), "only if some logit is large"),
        ("2.4", lambda n, N: np.triu(np.ones((n, N), bool), 1), "This is True above the diagonal"),
        ("2.4", lambda n, N: np.tri(N, dtype=bool)[:, -n:], "The two lengths are exchanged"),
        ("2.4", lambda n, N: np.tile(np.arange(N) < N - n, (n, 1)), "Only the N - n old tokens"),
        ("2.4", lambda n, N: (np.arange(N) < N - n) | np.eye(n, N, N - n, bool), "the old tokens and itself"),
        ("2.5", masked_by_zeros, "A visible key with logit 0 is hidden"),
        ("2.5", masked_with_a_shift_of_large_logits, "All visible logits lie far below 0"),
        ("2.5", masked_after_a_finite_mask, "M is -inf, and the largest visible logit"),
        ("2.6", next_with(softmax_with(from_zero)), "All logits lie far below 0"),
        ("2.6", next_with(softmax_with(lambda s: np.abs(s).max())), "All logits lie far below 0"),
        ("2.6", next_with(softmax_with(lambda s: s.mean())), "the largest logit is not subtracted"),
        *[("2.6", next_with(softmax_with(shift)), "the logit of the new token lies far above")
          for shift in (lambda s: s[0], lambda s: s[: max(1, len(s) - 1)].max())],
        ("2.6", next_with(softmax_with(lambda s: s.max() * (s.max() > 700))), "All logits lie far below 0"),
        ("2.6", next_with(lambda s: ref.softmax_weights(np.clip(s, -700, 700))), "cut off"),
        ("2.6", next_with(ref.softmax_weights, slice(-1)), "does not see itself"),
        ("2.6", next_that_overwrites, "takes the place of the last one"),
        ("2.7", look_where(lambda i, j, n: j > 0), "Key 0 is left out"),
        ("2.7", look_where(lambda i, j, n: j < n - 1), "The last key is left out"),
        ("2.7", look_where(lambda i, j, n: i < n - 1), "The last query is left out"),
        ("2.7", look_where(lambda i, j, n: True, lambda a, b: a not in b), "part of another"),
        ("2.7", lambda P, words: tuple(sorted(look_in_loops(P, words))), "The pair is in ascending order"),
        ("2.7", lambda P, words: np.nonzero(P == P[look_in_loops(P, words)]), "Return two whole numbers"),
        ("2.7", look_in_a_selection, "counts the weights that were selected"),
    ],
)  # fmt: skip
def test_other_wrong_answers_hear_stage_and_place(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


@pytest.mark.parametrize(
    "answer",
    [look_in_the_first_column, look_for_the_second, lambda P, words: look_in_loops(P - P.T + 1, words)],
)
def test_a_pair_that_no_known_mistake_gives_hears_none(answer):
    assert grade(EXERCISES["2.7"], answer).kind == "numbers"


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("2.1", "2.4", "2.5", "2.6")) == 28
    assert sum(EXERCISES[number].minutes for number in ("2.2", "2.3", "2.7")) == 15


def test_next_token_is_the_last_row_of_causal_attention():
    rng = np.random.default_rng(1)
    X, W_Q, W_K, W_V = (rng.normal(size=s) for s in ((7, 11), (11, 5), (11, 5), (11, 3)))
    Q, K, V = X @ W_Q, X @ W_K, X @ W_V
    Y = ref.attention(Q, K, V, ref.causal_mask(7, 7))
    kept = K[:0], V[:0]
    for n, x in enumerate(X):
        y, *kept = EXERCISES["2.6"].solution(x, W_Q, W_K, W_V, *kept)
        np.testing.assert_allclose(y, Y[n], rtol=0, atol=1e-12)  # values of size 1, sums of at most 11 terms
