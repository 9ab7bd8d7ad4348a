"""Checks of notebook 04: right answers pass in any style, further wrong ones hear why."""

import cmath
import math

import numpy as np
import pytest
import torch

from course_lib.config import Rope
from course_lib.exercises import nb04_pair_layouts as pair_layouts
from course_lib.exercises import nb04_rotated_cache as rotated_cache
from course_lib.exercises import nb04_rotations as rotations
from course_lib.exercises import nb04_sinusoids as sinusoids
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.reference import positions as reference
from course_lib.reference.attention import attention, causal_mask

EXERCISES = {exercise.id: exercise for exercise in of_notebook("4")}


def test_solutions_are_those_of_the_reference():
    rng = np.random.default_rng(0)
    at, X = np.array([5, 0, 13]), rng.normal(size=(3, 10))
    for base in (100.0, 10_000.0):
        # Sums of a few products of numbers near 1, in another order
        assert np.allclose(sinusoids.sinusoidal(at, 10, base), reference.sinusoidal(at, 10, base), rtol=0, atol=1e-14)
        rope = Rope(base=base)
        assert np.allclose(rotations.rotate(X, at, base), reference.rotate(X, at, rope), rtol=0, atol=1e-14)


@pytest.mark.parametrize("m, k", [(0, 3), (7, -7), (11, 4)])
def test_the_shift_matrix_shifts_rows(m, k):
    S = sinusoids.shift_matrix(k, 6, 100.0)
    here, there = reference.sinusoidal(np.array([m, m + k]), 6, 100.0)
    assert np.allclose(here @ S, there, rtol=0, atol=1e-13)


@pytest.mark.parametrize("p, N", [(4, 50), (64, 8192), (128, 131_072)])
def test_at_the_smallest_base_the_slowest_pair_turns_once(p, N):
    slowest = reference.frequencies(p, rotations.smallest_base(p, N))[-1]
    assert math.isclose(slowest * N, 2 * math.pi, rel_tol=1e-12)


def test_permuted_weights_give_the_same_scores_in_the_other_layout():
    rng = np.random.default_rng(1)
    n, d, p = 5, 7, 6
    X, W_Q, W_K, at = rng.normal(size=(n, d)), rng.normal(size=(d, p)), rng.normal(size=(d, p)), np.arange(n)
    neighbours = reference.rotate(X @ W_Q, at, Rope()) @ reference.rotate(X @ W_K, at, Rope()).T
    Q, K = X @ pair_layouts.to_halves(W_Q, 1), X @ pair_layouts.to_halves(W_K, 1)
    halves = rotate_halves(Q, at, 10_000.0) @ rotate_halves(K, at, 10_000.0).T
    assert np.allclose(neighbours, halves, rtol=0, atol=1e-12)


def test_token_by_token_with_rotated_keys_is_causal_attention():
    rng = np.random.default_rng(2)
    n, d, e, v = 6, 7, 4, 3
    X, W_Q, W_K, W_V = (rng.normal(size=shape) for shape in ((n, d), (d, e), (d, e), (d, v)))
    K, V, rows = np.zeros((0, e)), np.zeros((0, v)), []
    for x in X:
        y, K, V = rotated_cache.next_rotated(x, W_Q, W_K, W_V, K, V, 100.0)
        rows.append(y)
    rope, at = Rope(base=100.0), np.arange(n)
    Q = reference.rotate(X @ W_Q, at, rope)
    want = attention(Q, reference.rotate(X @ W_K, at, rope), X @ W_V, causal_mask(n, n))
    assert np.allclose(rows, want, rtol=0, atol=1e-13)


def rotate_halves(X, positions, base):
    """Rotary positions in the layout of transformers."""
    angles = np.tile(np.outer(positions, base ** (-np.arange(0, X.shape[1], 2) / X.shape[1])), 2)
    first, second = np.split(X, 2, axis=1)
    return X * np.cos(angles) + np.concatenate([-second, first], axis=1) * np.sin(angles)


def sinusoidal_in_loops(positions, d, base):
    rows = [[0.0] * d for _ in positions]
    for r, m in enumerate(positions):
        for i in range(d // 2):
            rows[r][2 * i], rows[r][2 * i + 1] = math.sin(m / base ** (2 * i / d)), math.cos(m / base ** (2 * i / d))
    return rows


def sinusoidal_in_torch(positions, d, base):
    angles = torch.outer(torch.from_numpy(positions).double(), base ** (-torch.arange(0, d, 2).double() / d))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def shift_by_power(k, d, base):
    one = sinusoids.shift_matrix(1, d, base)
    return np.linalg.matrix_power(one if k >= 0 else one.T, abs(k))


def shift_in_torch(k, d, base):
    angles = [k * base ** (-2 * i / d) for i in range(d // 2)]
    return torch.block_diag(*(torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in angles))


def rotate_in_loops(X, positions, base):
    Y, p = np.empty(X.shape), X.shape[1]
    for row, m in enumerate(positions):
        for i in range(p // 2):
            z = complex(X[row, 2 * i], X[row, 2 * i + 1]) * cmath.exp(1j * m * base ** (-2 * i / p))
            Y[row, 2 * i], Y[row, 2 * i + 1] = z.real, z.imag
    return Y


def rotate_complex(X, positions, base):
    turns = torch.polar(
        torch.tensor(1.0).double(),
        torch.from_numpy(positions)[:, None] * base ** (-torch.arange(0, X.shape[1], 2).double() / X.shape[1]),
    )
    return torch.view_as_real(
        torch.view_as_complex(torch.from_numpy(X).double().unflatten(1, (-1, 2))) * turns
    ).flatten(1)


def rotate_by_einsum(X, positions, base):
    R = np.stack([sinusoids.shift_matrix(m, X.shape[1], base).T for m in positions])
    return np.einsum("nij,nj->ni", R.transpose(0, 2, 1), X)


def shift_by_least_squares(k, d, base):
    m = np.arange(200)
    return np.linalg.lstsq(sinusoidal_in_loops(m, d, base), sinusoidal_in_loops(m + k, d, base), rcond=None)[0]


def shift_of_one_row(k, d, base):
    start, end = (np.array(sinusoidal_in_loops([m], d, base)) for m in (0, k))
    return np.linalg.pinv(start) @ end  # right for position 0 alone


def shift_as_complex(k, d, base):
    return np.diag(np.exp(1j * k * np.repeat([base ** (-2 * i / d) for i in range(d // 2)], 2)))


def rotate_by_rows(X, positions, base):
    return [x @ sinusoids.shift_matrix(m, X.shape[1], base) for x, m in zip(X, positions, strict=True)]


def rotate_by_transformers(X, positions, base):
    angles = torch.outer(torch.from_numpy(positions), base ** (-torch.arange(0, X.shape[1], 2).double() / X.shape[1]))
    angles, (first, second) = angles.repeat_interleave(2, dim=1), torch.from_numpy(X).chunk(2, dim=1)
    return torch.from_numpy(X) * angles.cos() + torch.cat([-second, first], dim=1) * angles.sin()


def halves_by_index(W, n_heads):
    p = W.shape[1] // n_heads
    return W[:, [h * p + j for h in range(n_heads) for j in [*range(0, p, 2), *range(1, p, 2)]]]


def halves_by_einsum(W, n_heads):
    p = W.shape[1] // n_heads
    order = np.eye(p)[[*range(0, p, 2), *range(1, p, 2)]]
    return np.einsum("dhp,qp->dhq", W.reshape(len(W), n_heads, p), order).reshape(W.shape)


def halves_in_torch(W, n_heads):
    return torch.from_numpy(W).unflatten(1, (n_heads, -1, 2)).transpose(2, 3).flatten(1)


def next_in_loops(x, W_Q, W_K, W_V, K, V, base):
    m = len(K)
    q, k = rotate_in_loops(np.stack([x @ W_Q, x @ W_K]), [m, m], base)
    K, V = np.vstack([K, k]), np.vstack([V, x @ W_V])
    logits = [q @ k / math.sqrt(len(q)) for k in K]
    weights = [math.exp(logit - max(logits)) for logit in logits]
    return sum(w * v for w, v in zip(weights, V, strict=True)) / sum(weights), K, V


def query_after_its_key(x, W_Q, W_K, W_V, K, V, base):
    _, K, V = next_in_loops(x, W_Q, W_K, W_V, K, V, base)
    q = rotate_in_loops((x @ W_Q)[None], [len(K)], base)[0]  # the length has grown by one already
    weights = torch.softmax(torch.from_numpy(K @ q / math.sqrt(len(q))), 0).numpy()
    return weights @ V, K, V


def next_in_torch(x, W_Q, W_K, W_V, K, V, base):
    m = np.array([len(K)])
    q, k = rotate_complex((x @ W_Q)[None], m, base), rotate_complex((x @ W_K)[None], m, base)
    K, V = torch.cat([torch.from_numpy(K), k]), torch.cat([torch.from_numpy(V), torch.from_numpy(x @ W_V)[None]])
    return torch.nn.functional.scaled_dot_product_attention(q, K, V)[0], K, V


@pytest.mark.parametrize(
    "number, answer",
    [
        ("4.1", sinusoidal_in_loops),
        ("4.1", sinusoidal_in_torch),
        ("4.2", shift_by_power),
        ("4.2", shift_in_torch),
        ("4.2", shift_by_least_squares),
        ("4.3", rotate_in_loops),
        ("4.3", rotate_complex),
        ("4.3", rotate_by_einsum),
        ("4.5", lambda p, N: math.exp(math.log(N / math.tau) / (1 - 2 / p))),
        ("4.4", halves_by_index),
        ("4.4", halves_by_einsum),
        ("4.4", halves_in_torch),
        ("4.6", next_in_loops),
        ("4.6", next_in_torch),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def angles_of(X, positions, base, frequencies=1.0):
    return np.outer(positions, base ** (-np.arange(0, X.shape[1], 2) / X.shape[1])) * frequencies


def into_an_array_of_the_same_kind(X, positions, base):
    Y = np.empty_like(X)
    Y[:] = rotate_in_loops(X, positions, base)
    return Y


def without_an_axis_for_the_pairs(X, positions, base):
    angles, Y = positions * base ** (-np.arange(0, X.shape[1], 2) / X.shape[1]), np.empty(X.shape)
    Y[:, ::2] = np.cos(angles) * X[:, ::2] - np.sin(angles) * X[:, 1::2]
    Y[:, 1::2] = np.sin(angles) * X[:, ::2] + np.cos(angles) * X[:, 1::2]
    return Y


def frequency_of_each_column(X, positions, base):
    angles = np.outer(positions, base ** (-np.arange(X.shape[1]) / X.shape[1]))
    partners = np.stack([-X[:, 1::2], X[:, ::2]], axis=2).reshape(X.shape)
    return X * np.cos(angles) + partners * np.sin(angles)


def rotate_overwriting(X, positions, base):
    Y, angles = X.astype(float), angles_of(X, positions, base)
    Y[:, ::2] = np.cos(angles) * Y[:, ::2] - np.sin(angles) * Y[:, 1::2]
    Y[:, 1::2] = np.sin(angles) * Y[:, ::2] + np.cos(angles) * Y[:, 1::2]
    return Y


def rotate_complex_bits(X, positions, base):
    return (np.ascontiguousarray(X).view(complex) * np.exp(1j * angles_of(X, positions, base))).view(float)


def stored_unrotated(x, W_Q, W_K, W_V, K, V, base):
    y, _, new_V = next_in_loops(x, W_Q, W_K, W_V, K, V, base)
    return y, np.vstack([K, x @ W_K]), new_V


def next_without_shift(x, W_Q, W_K, W_V, K, V, base):
    m = np.array([len(K)])
    K = np.vstack([K, rotate_in_loops((x @ W_K)[None], m, base)])
    weights = np.exp(K @ rotate_in_loops((x @ W_Q)[None], m, base)[0] / np.sqrt(K.shape[1]))
    V = np.vstack([V, x @ W_V])
    return weights / weights.sum() @ V, K, V


def heads_in(order):
    """Each head's columns in the order `order(p)`."""

    def answer(W, n_heads):
        p = W.shape[1] // n_heads
        return W[:, [h * p + j for h in range(n_heads) for j in order(p)]]

    return answer


def even_then_odd(p):
    return [*range(0, p, 2), *range(1, p, 2)]


WRONG = [
    ("4.1", lambda at, d, base: sinusoidal_in_loops(at, d, 1 / base), "the frequencies grow"),
    ("4.1", lambda at, d, base: np.array(sinusoidal_in_loops(at, d, base)).T, "is transposed"),
    ("4.1", lambda at, d, base: np.sin(np.outer(at, base ** (-np.arange(d) / d))), "one pair"),
    ("4.1", lambda at, d, base: np.repeat(np.sin(np.outer(at, base ** (-np.arange(0, d, 2) / d))), 2, 1), "are sines"),
    ("4.1", lambda at, d, base: np.sin(np.outer(at, base ** (-np.arange(0, d, 2) / d))), "only the sines"),
    ("4.1", lambda at, d, base: sinusoidal_in_loops(at, d, base ** (d / max(d - 2, 1))), "a little larger"),
    ("4.1", lambda at, d, base: np.round(sinusoidal_in_loops(at, d, base), 3), "at index"),
    ("4.1", lambda at, d, base: sinusoidal_in_loops(abs(at), d, base), "may be negative"),
    ("4.1", lambda at, d, base: sinusoidal_in_loops(at.astype(int), d, base), "may be fractions"),
    ("4.1", lambda at, d, base: sinusoidal_in_loops(np.radians(at), d, base), "from degrees"),
    ("4.1", lambda at, d, base: np.array(sinusoidal_in_loops(at, d, base))[:, even_then_odd(d)], "before all cosines"),
    ("4.2", lambda k, d, base: np.eye(d), "nothing is shifted"),
    ("4.2", lambda k, d, base: k * sinusoids.shift_matrix(1, d, base), "s times the shift by 1"),
    ("4.2", shift_of_one_row, "right for position 0 only"),
    ("4.2", lambda k, d, base: np.real(shift_as_complex(k, d, base)), "only the cosines"),
    ("4.2", lambda k, d, base: shift_by_power(k, d, base**0.5), "yours is -i / d"),
    ("4.2", lambda k, d, base: shift_by_power(k, d, 1 / base), "the frequencies grow"),
    ("4.2", lambda k, d, base: shift_by_power(-k, d, base), "shifts by -s"),
    ("4.2", lambda k, d, base: np.linalg.matrix_power(shift_by_power(1, d, base), abs(k)), "goes forward as well"),
    ("4.2", lambda k, d, base: np.roll(np.eye(d), k, axis=1), "moves the columns"),
    ("4.2", lambda k, d, base: sinusoids.shift_matrix(k, d, base)[:2, :2], "pair 0 alone"),
    ("4.2", lambda k, d, base: np.kron(np.eye(d // 2), shift_by_power(k, 2, base)), "all pairs turn by s"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, 2 * math.pi * at, base), "no factor 2 pi"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, np.radians(at), base), "from degrees"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, abs(at), base), "the sign of the positions"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, at.astype(int), base), "may be fractions"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, [at[0]] * len(X), base), "by the first position"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, [m - at[0] for m in at], base), "counted from that of the first"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, np.arange(len(X)), base), "use the positions that are given"),
    ("4.3", lambda X, at, base: rotate_in_loops(X, at, base)[:, 0::2], "shape"),
    ("4.3", lambda X, at, base: X * sinusoidal_in_loops(at, X.shape[1], base), "table of sines and cosines"),
    ("4.3", lambda X, at, base: X + sinusoidal_in_loops(at, X.shape[1], base), "added to x"),
    ("4.3", rotate_by_rows, "as a row, r_m x is x R_m^T"),
    ("4.3", rotate_halves, "that layout is used as well"),
    ("4.3", rotate_by_transformers, "two layouts are mixed"),
    ("4.3", into_an_array_of_the_same_kind, "cut to whole numbers, as x holds"),
    ("4.3", rotate_complex_bits, "read as floats"),
    ("4.3", without_an_axis_for_the_pairs, "taken from positions[i]"),
    ("4.3", frequency_of_each_column, "a frequency of its own"),
    ("4.3", rotate_overwriting, "after that was overwritten"),
    ("4.4", lambda W, n_heads: np.concatenate([W[:, 0::2], W[:, 1::2]], axis=1), "even columns of all heads"),
    ("4.4", lambda W, n_heads: np.vstack([W[::2], W[1::2]]), "the rows are moved"),
    ("4.4", lambda W, n_heads: np.stack(np.split(halves_by_index(W, n_heads), n_heads, 1)), "heads are the first axis"),
    (
        "4.4",
        lambda W, n_heads: np.stack(np.split(halves_by_index(W, n_heads), n_heads, 1), 2).reshape(W.shape),
        "altern",
    ),
    ("4.4", lambda W, n_heads: W.reshape(len(W), n_heads, W.shape[1] // n_heads // 2, 2), "shape"),
    ("4.4", lambda W, n_heads: W.reshape(len(W), n_heads, -1, 2).swapaxes(2, 3), "still has the axes"),
    ("4.4", heads_in(lambda p: np.argsort(even_then_odd(p))), "goes the other way"),
    ("4.4", heads_in(lambda p: [*range(1, p, 2), *range(0, p, 2)]), "turn backwards"),
    ("4.4", heads_in(lambda p: range(p - 1, -1, -1)), "reversed"),
    ("4.5", lambda p, N: 10_000.0, "this is the usual base"),
    ("4.5", lambda p, N: math.exp(-math.log(N / math.tau) / (1 - 2 / p)), "this is 1 / base"),
    ("4.5", lambda p, N: math.exp(math.log(N / math.tau) / (0.5 - 1 / p)), "not -i / p"),
    ("4.5", lambda p, N: math.ceil((N / math.tau) ** (p / (p - 2))), "rounded up"),
    ("4.5", lambda p, N: (N / math.tau) ** (p / 2), "for pair i = 1"),
    ("4.5", lambda p, N: (N / math.tau) ** (p // (p - 2)), "rounded down (`//`) where it should be exact"),
    ("4.5", lambda p, N: (N // math.tau) ** (p / (p - 2)), "n / (2 pi) is cut"),
    ("4.5", lambda p, N: N / math.tau, "pairs count from 0"),
    ("4.5", lambda p, N: (N / math.tau) ** (p / (p - 2)) + 1e-3, "two pairs, 7 positions"),
    ("4.6", lambda x, W_Q, W_K, *given: next_in_loops(x, W_K, W_Q, *given), "are exchanged"),
    ("4.6", lambda *given: next_in_loops(*given)[0], "y alone"),
    ("4.6", lambda *given: next_in_loops(*given[:-1], 10_000.0), "the base is always 10000"),
    ("4.6", lambda *given: (next_in_loops(*given)[0], given[4], given[5]), "as they came"),
    ("4.6", lambda x, W_Q, *given: next_in_loops(x, W_Q * 1.5**0.5, *given), "divided by sqrt(d_V)"),
    ("4.6", lambda x, W_Q, *given: next_in_loops(x, W_Q / 6**0.5, *given), "divided by d_QK"),
    ("4.6", query_after_its_key, "where its own key stands"),
    ("4.6", lambda *given: next_in_loops(*given)[::-1], "in entry 0, your result has shape"),
    ("4.6", stored_unrotated, "but stored unrotated"),
    ("4.6", next_without_shift, "subtract the largest logit"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number, answer, message", WRONG)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("4.1", "4.2", "4.3", "4.5", "4.6")) == 32
    assert sum(EXERCISES[number].minutes for number in ("4.4",)) == 6
