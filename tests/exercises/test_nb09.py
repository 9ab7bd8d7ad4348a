"""Checks of notebook 09: solutions against the references, right answers in any style, other wrong answers."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import LatentConfig, Rope
from course_lib.exercises import nb09_biases as biases
from course_lib.exercises import nb09_cached_scalar as cached_scalar
from course_lib.exercises import nb09_expanded_heads as heads
from course_lib.exercises import nb09_shared_rotary_key as shared_rotary_key
from course_lib.exercises import nb09_turned_back as turned_back
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.reference.biases import alibi_slopes, distance_biases
from course_lib.reference.latent import LatentAttention
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention
from course_lib.reference.norms import RMSNorm
from course_lib.reference.positions import rotate
from course_lib.reference.rotary_latent import RotaryLatentAttention

EXERCISES = {exercise.id: exercise for exercise in of_notebook("9")}
SIZES = LatentConfig(d_model=11, n_heads=3, d_latent=8, d_head=5)
X, AT = np.random.default_rng(1).normal(size=(8, 11)), np.arange(8)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)  # sums of at most 11 products of size 1


def test_biases_are_those_of_the_reference_where_seen():
    slopes = alibi_slopes(3)
    got = biases.alibi(slopes, 3, 8)
    close(np.where(np.tri(3, 8, 5), got, 0), distance_biases(-slopes[:, None] * AT, 3, 8))


def test_decoupled_logits_are_those_of_the_layer():
    layer = LatentAttention.random(replace(SIZES, d_rope=4, scale=None), np.random.default_rng(2))
    K, _ = layer.read(layer.compress(X, AT))
    want = layer.queries(X, AT)[:, 5:] @ K.swapaxes(-1, -2) * layer.scale
    rotary = X[5:] @ layer.W_QR, X @ layer.W_KR, Rope()
    close(shared_rotary_key.decoupled_logits(X[5:] @ layer.W_Q, X @ layer.W_L @ layer.W_LK, *rotary), want)


def test_turned_back_and_expanded_heads_are_those_of_the_layer():
    layer = replace(RotaryLatentAttention.random(SIZES, np.random.default_rng(3)), turned=4)
    rows = layer.compress(X, AT)["L"]
    Q, K = heads.expanded_heads(X[5:] @ layer.W_Q, layer.W_LK, rows, 4, Rope())
    close(Q, layer.expanded().queries(X, AT)[:, 5:])
    close(K, layer.expanded().read({"L": rows})[0])
    whole = replace(layer, turned=8)
    P = np.random.default_rng(4).uniform(size=(3, 3, 8))
    mix = turned_back.relative_mix(P, whole.compress(X, AT)["L"], Rope())
    close(sum(mix[h] @ layer.W_LV[h] @ layer.W_O[h] for h in range(3)),
          whole.output(P @ whole.compress(X, AT)["L"], AT[5:]))  # fmt: skip


def test_normalised_logits_are_those_of_the_layer():
    plain = LatentAttention.random(SIZES, np.random.default_rng(5))
    shared = {name: getattr(plain, name) for name in ("W_Q", "W_L", "W_LK", "W_LV", "W_O")}
    layer = NormalisedKeysLatentAttention(**shared, norm_K=RMSNorm(np.linspace(0.5, 2, 5)))
    rows = layer.compress(X, AT)
    factors, S = cached_scalar.normalised_logits(X @ layer.W_Q, layer.W_LK, layer.norm_K.gamma, rows["L"], 1e-6)
    close(factors, rows["sigma"])
    close(S, layer.queries(X, AT) @ layer.read(rows)[0].swapaxes(1, 2) * layer.scale)


def alibi_in_loops(slopes, n, N):
    return [[[-m * (N - n + a - j) for j in range(N)] for a in range(n)] for m in slopes]


def alibi_in_torch(slopes, n, N):
    return -torch.from_numpy(slopes).view(-1, 1, 1) * (torch.arange(N)[N - n :, None] - torch.arange(N))


def decoupled_by_concatenation(Q, K, Q_R, K_R, rope):
    h, n, _ = Q.shape
    N = len(K_R)
    queries = np.concatenate([Q, rotate(Q_R, np.arange(N)[N - n :], rope)], -1)
    keys = np.concatenate([K, np.stack([rotate(K_R, np.arange(N), rope)] * h)], -1)
    return np.einsum("hne,hme->hnm", queries, keys) / math.sqrt(queries.shape[-1])


def decoupled_in_loops(Q, K, Q_R, K_R, rope):
    (h, n, e), (N, p) = Q.shape, K_R.shape
    S = np.zeros((h, n, N))
    for head, i, j in np.ndindex(S.shape):
        shift = np.array([j - (N - n + i)])  # <R_i q, R_j k> = <q, R_{j - i} k>
        turned = rotate(K_R[j : j + 1], shift, rope)[0]
        S[head, i, j] = (Q[head, i] @ K[head, j] + Q_R[head, i] @ turned) / math.sqrt(e + p)
    return S


def decoupled_in_torch(Q, K, Q_R, K_R, rope):
    N, p = K_R.shape
    angles = torch.outer(torch.arange(N), rope.base ** (-torch.arange(0, p, 2).double() / p))
    turns = torch.polar(torch.ones_like(angles), angles)

    def turned(rows, turns):
        pairs = torch.view_as_complex(torch.from_numpy(rows).unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turns).flatten(-2)

    rotary = turned(Q_R, turns[N - Q.shape[1] :]) @ turned(K_R, turns).T
    return (torch.from_numpy(Q) @ torch.from_numpy(K).mT + rotary) / (Q.shape[-1] + p) ** 0.5


def mix_by_relative_rows(P, turned_rows, rope):
    """The right-hand side: every query sees rows of its own."""
    n, N = P.shape[1:]
    Y = np.zeros((len(P), n, turned_rows.shape[1]))
    for h, a in np.ndindex(Y.shape[:2]):
        i = N - n + a
        Y[h, a] = P[h, a] @ rotate(turned_rows, np.full(N, -i), rope)
    return Y


def expanded_in_loops(Q, W_LK, rows, p, rope):
    h, n, _ = Q.shape
    N, r = rows.shape
    queries, keys = [], []
    for head in range(h):
        asked = np.einsum("ne,pe->np", Q[head], W_LK[head][-p:])
        queries.append(np.hstack([Q[head], rotate(asked, np.arange(N)[N - n :], rope)]))
        keys.append(np.hstack([rows[:, : r - p] @ W_LK[head][: r - p], rows[:, -p:]]))
    return queries, keys


def normalised_by_keys(Q, W_LK, gamma, L, eps):
    """Expanded: the keys are formed and normalised."""
    K = np.einsum("nr,hre->hne", L, W_LK)
    rms = np.sqrt((K**2).mean(-1, keepdims=True) + eps)
    return (1 / rms)[..., 0].T, np.einsum("hne,hme->hnm", Q, gamma * K / rms) / K.shape[-1] ** 0.5


def normalised_by_gram(Q, W_LK, gamma, L, eps):
    """|l W|^2 = l W W^T l^T, without forming a key."""
    gram = np.einsum("hre,hse->hrs", W_LK, W_LK)
    factors = (np.einsum("nr,hrs,ns->nh", L, gram, L) / W_LK.shape[-1] + eps) ** -0.5
    return factors, np.einsum("hne,e,hre,mr,mh->hnm", Q, gamma, W_LK, L, factors) / W_LK.shape[-1] ** 0.5


@pytest.mark.parametrize(
    "number, answer",
    [
        ("9.1", alibi_in_loops),
        ("9.1", alibi_in_torch),
        ("9.2", decoupled_by_concatenation),
        ("9.2", decoupled_in_loops),
        ("9.2", decoupled_in_torch),
        ("9.3", mix_by_relative_rows),
        ("9.4", expanded_in_loops),
        ("9.5", normalised_by_keys),
        ("9.5", normalised_by_gram),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def decoupled_with(before=lambda *given: given, after=lambda S, *given: S):
    """decoupled_by_concatenation of changed inputs, and changed itself."""
    return lambda *given: after(decoupled_by_concatenation(*before(*given)), *given)


def everything_rotated(Q, K, Q_R, K_R, rope):
    n, N = Q.shape[1], len(K_R)
    return rotate(Q, np.arange(N - n, N), rope), rotate(K, np.arange(N), rope), Q_R, K_R, rope


def decoupled_backwards(Q, K, Q_R, K_R, rope):
    N, n = len(K_R), Q.shape[1]
    back = rotate(Q_R, -np.arange(N - n, N), rope) @ rotate(K_R, -np.arange(N), rope).T
    return (np.einsum("hne,hme->hnm", Q, K) + back) / 10**0.5


def rotary_part_unscaled(Q, K, Q_R, K_R, rope):
    content = decoupled_by_concatenation(Q, K, 0 * Q_R, K_R, rope)
    both = decoupled_by_concatenation(Q, K, Q_R, K_R, rope)
    return content + (both - content) * (Q.shape[-1] + Q_R.shape[-1]) ** 0.5


def queries_turned_backwards(Q, K, Q_R, K_R, rope):
    positions = np.arange(len(K_R))[len(K_R) - Q.shape[1] :]
    return decoupled_by_concatenation(Q, K, rotate(Q_R, -2 * positions, rope), K_R, rope)


def hidden(S):
    n, N = S.shape[1:]
    return np.where(np.arange(N) <= np.arange(N)[N - n :, None], S, -np.inf)


def mix_turned(turn):
    """The mix turned by the number of positions that `turn` says for n and N, instead of -i."""

    def answer(P, turned_rows, rope):
        n, N = P.shape[1:]
        return rotate(P @ turned_rows, np.broadcast_to(turn(n, N), n).copy(), rope)

    return answer


def last_positions(n, N):
    return np.arange(N)[N - n :]


def expanded_turned(Q, W_LK, rows, p, rope, query=0, row=0):
    """Right but for more turns: of the queries by `query` places, of row j by `row` times j."""
    queries, keys = map(np.array, expanded_in_loops(Q, W_LK, rows, p, rope))
    e, n, N = Q.shape[-1], Q.shape[1], len(rows)
    queries[..., e:] = rotate(queries[..., e:], np.full(n, query), rope)
    keys[..., e:] = rotate(keys[..., e:], row * np.arange(N), rope)
    return queries, keys


def expanded_scaled(Q, W_LK, rows, p, rope):
    queries, keys = expanded_in_loops(Q, W_LK, rows, p, rope)
    return np.array(queries) / math.sqrt(Q.shape[-1] + p), keys


def normalised_and(change):
    """normalised_by_keys with changed logits."""

    def answer(*given):
        factors, S = normalised_by_keys(*given)
        return factors, change(S, factors)

    return answer


def centred(Q, W_LK, gamma, L, eps):
    K = L @ W_LK
    factors = (K.var(-1) + eps) ** -0.5
    return factors.T, np.einsum("hne,hme,hm->hnm", Q * gamma, K, factors) / K.shape[-1] ** 0.5


def alibi_from_the_front(slopes, n, N):
    return np.array(alibi_in_loops(slopes, N, N))[:, :n]


def rows_turned_back_one_by_one(P, turned_rows, rope):
    return np.einsum("hnm,mr->hnr", P, rotate(turned_rows, -np.arange(len(turned_rows)), rope))


def queries_without_rotation(Q, W_LK, rows, p, rope):
    queries, keys = expanded_in_loops(Q, W_LK, rows, p, Rope(base=50.0))
    return [np.hstack([q, q @ W[-p:].T]) for q, W in zip(Q, W_LK, strict=True)], keys


def norm_of_the_row(Q, W_LK, gamma, L, eps):
    factors = np.repeat(((L**2).mean(1) + eps)[:, None] ** -0.5, len(Q), axis=1)
    return factors, np.einsum("hne,e,hre,mr,mh->hnm", Q, gamma, W_LK, L, factors) / W_LK.shape[-1] ** 0.5


def decoupled_at(places):
    """decoupled_by_concatenation with the queries at other places."""

    def answer(Q, K, Q_R, K_R, rope):
        n, N = Q.shape[1], len(K_R)
        return decoupled_by_concatenation(Q, K, rotate(Q_R, places(n, N) - last_positions(n, N), rope), K_R, rope)

    return answer


def whole_rows_rotated(Q, K, Q_R, K_R, rope):
    n, N = Q.shape[1], len(K_R)
    queries = rotate(np.concatenate([Q, Q_R], -1), last_positions(n, N), rope)
    keys = rotate(np.concatenate([K, np.stack([K_R] * len(K))], -1), np.arange(N), rope)
    return np.einsum("hne,hme->hnm", queries, keys) / 10**0.5 if Q_R.shape[-1] == 4 else queries


def expanded_at(places):
    """expanded_in_loops with the queries at other places."""

    def answer(Q, W_LK, rows, p, rope):
        n, N, e = Q.shape[1], len(rows), Q.shape[2]
        queries, keys = map(np.array, expanded_in_loops(Q, W_LK, rows, p, rope))
        queries[..., e:] = rotate(queries[..., e:], places(n, N) - last_positions(n, N), rope)
        return queries, keys

    return answer


def expanded_by_the_first(Q, W_LK, rows, p, rope):
    """The first p coordinates are turned, in the place of the last."""
    return expanded_in_loops(Q, np.roll(W_LK, -p, axis=1), np.roll(rows, -p, axis=1), p, rope)


def one_factor(Q, W_LK, gamma, L, eps):
    K = np.einsum("nr,hre->nhe", L, W_LK)
    factors = np.outer(((K**2).mean((1, 2)) + eps) ** -0.5, np.ones(len(Q)))
    return factors, np.einsum("hne,e,mhe,mh->hnm", Q, gamma, K, factors) / K.shape[-1] ** 0.5


def decoupled_scaled(content, rotary=None):
    """Inner products of the two parts, each divided by what is given for Q and Q_R."""

    def answer(Q, K, Q_R, K_R, rope):
        turned = rotate(Q_R, last_positions(Q.shape[1], len(K_R)), rope) @ rotate(K_R, np.arange(len(K_R)), rope).T
        return Q @ K.swapaxes(1, 2) / content(Q, Q_R) ** 0.5 + turned / (rotary or content)(Q, Q_R) ** 0.5

    return answer


def keys_moved(places):
    return decoupled_with(
        lambda Q, K, q, k, rope: (Q, K, q, rotate(k, np.full(len(k), places(Q.shape[1])), rope), rope)
    )


def alibi_of_places(i, j=0):
    """Right but for the positions of the queries, or keys that stand j further."""
    return lambda slopes, n, N: -slopes[:, None, None] * (i(n, N)[:, None] - np.arange(N) - j)


def expanded_by_head_0(keys=False, queries=False):
    def answer(Q, W_LK, rows, p, rope):
        first = np.stack([W_LK[0]] * len(W_LK))
        asking = expanded_in_loops(Q, first if queries else W_LK, rows, p, rope)[0]
        return asking, expanded_in_loops(Q, first if keys else W_LK, rows, p, rope)[1]

    return answer


def keys_of_length_1(Q, W_LK, gamma, L, eps):
    K = L @ W_LK
    unit = K / np.linalg.norm(K, axis=-1, keepdims=True)
    return ((K**2).mean(-1) + eps).T ** -0.5, Q * gamma @ unit.swapaxes(1, 2) / Q.shape[-1] ** 0.5


def keys_normalised_by_torch(Q, W_LK, gamma, L, eps):
    K = torch.nn.functional.rms_norm(torch.from_numpy(L @ W_LK), gamma.shape, torch.from_numpy(gamma)).numpy()
    return normalised_by_keys(Q, W_LK, gamma, L, eps)[0], Q @ K.swapaxes(1, 2) / Q.shape[-1] ** 0.5


def other_factors(change):
    def answer(*given):
        factors, S = normalised_by_keys(*given)
        return change(factors), S

    return answer


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("9.1", alibi_from_the_front, "as if they came first"),
        ("9.1", lambda slopes, n, N: alibi_in_torch(slopes, n, N).abs(), "one head, two new tokens"),
        ("9.2", decoupled_with(after=lambda S, *given: S * (10 / 6) ** 0.5), "divided by sqrt(d_QK)"),
        ("9.2", decoupled_with(after=lambda S, *given: S * (6 + 4) ** 0.5), "not scaled"),
        ("9.2", decoupled_with(lambda Q, K, Q_R, K_R, rope: (Q, K, Q_R, K_R, Rope())), "given rope is not used"),
        ("9.2", decoupled_with(lambda Q, K, Q_R, K_R, rope: (Q, K, Q_R, K_R[::-1].copy(), rope)), "four new tokens"),
        ("9.2", decoupled_with(after=lambda S, *given: np.exp(S)), "four new tokens"),
        ("9.2", decoupled_with(everything_rotated), "Q and K are rotated as well"),
        ("9.2", decoupled_with(after=lambda S, *given: S * (10 / 4) ** 0.5), "sqrt(d_R) alone"),
        ("9.2", decoupled_with(after=lambda S, *given: torch.from_numpy(S).softmax(-1)), "the weights already"),
        ("9.2", decoupled_backwards, "the shift has the wrong sign"),
        ("9.2", decoupled_with(after=lambda S, *given: S.swapaxes(1, 2)), "the logits are transposed"),
        ("9.1", lambda slopes, n, N: np.array(alibi_in_loops(slopes, n, N)) + slopes[:, None, None], "one too small"),
        ("9.1", lambda slopes, n, N: alibi_in_loops([int(m) for m in slopes], n, N), "cut to whole numbers"),
        ("9.1", lambda slopes, n, N: np.zeros((len(slopes), n, N)), "at index (0, 0, 0) you got 0 where -1.5"),
        ("9.1", lambda slopes, n, N: np.minimum(alibi_in_loops(slopes, n, N), 0), "Return -beta_h (i - j)"),
        ("9.2", decoupled_with(after=lambda S, *given: hidden(S)), "The future is masked"),
        (
            "9.2",
            decoupled_with(lambda Q, K, Q_R, K_R, rope: (Q, K, Q_R, rotate(K_R, np.ones(len(K_R), int), rope), rope)),
            "the keys stand one position too far",
        ),
        ("9.2", rotary_part_unscaled, "The rotary part is not scaled"),
        ("9.2", queries_turned_backwards, "The queries turn backwards"),
        ("9.3", mix_turned(lambda n, N: n - N), "the position of the first query"),
        ("9.3", mix_turned(lambda n, N: 1 - last_positions(n, N)), "one position too near"),
        (
            "9.3",
            lambda P, rows, rope: mix_by_relative_rows(P, rotate(rows, -np.arange(len(rows)), rope), rope),
            "turned back by their own",
        ),
        (
            "9.3",
            lambda P, *given: mix_by_relative_rows(torch.from_numpy(P).softmax(-1).numpy(), *given),
            "softmax again",
        ),
        ("9.4", expanded_scaled, "divided by sqrt(d_QK + p)"),
        ("9.4", lambda *given: expanded_turned(*given, query=1), "The queries stand one position too far"),
        ("9.4", lambda *given: expanded_turned(*given, row=-1), "of the rows are turned back"),
        ("9.5", normalised_and(lambda S, factors: hidden(S)), "The future is masked"),
        ("9.5", normalised_and(lambda S, factors: torch.from_numpy(S).softmax(-1)), "the weights already"),
        ("9.5", normalised_and(lambda S, factors: S * factors.T[:, None]), "The factors enter twice"),
        ("9.5", lambda Q, W, gamma, *given: normalised_by_keys(Q * gamma, W, gamma, *given), "gamma enters twice"),
        ("9.5", centred, "This is the variance"),
        ("9.3", rows_turned_back_one_by_one, "no position is left"),
        ("9.3", lambda P, rows, rope: P @ rows, "not turned back"),
        ("9.4", queries_without_rotation, "are not turned"),
        ("9.4", lambda *given: expanded_in_loops(*given)[::-1], "The keys come first"),
        ("9.5", norm_of_the_row, "of the latent rows"),
        ("9.5", lambda *given: normalised_by_gram(*given)[::-1], "The logits come first"),
        ("9.1", lambda slopes, n, N: alibi_in_loops(alibi_slopes(len(slopes)), n, N), "made from the number of heads"),
        (
            "9.1",
            lambda slopes, n, N: (
                np.array(alibi_in_loops(slopes, n, 2 * n))[..., :1] + np.outer(slopes, range(N))[:, None]
            ),
            "at n + a",
        ),
        ("9.2", whole_rows_rotated, "The whole rows"),
        ("9.2", decoupled_at(lambda n, N: np.full(n, N - 1)), "All queries stand at N - 1"),
        ("9.2", decoupled_at(lambda n, N: n + np.arange(n)), "at n + a"),
        ("9.3", mix_turned(lambda n, N: -n - np.arange(n)), "at n + a"),
        ("9.4", expanded_by_the_first, "The first p coordinates of a row"),
        ("9.4", expanded_at(lambda n, N: np.full(n, N - n)), "All queries turn by N - n"),
        ("9.4", expanded_at(lambda n, N: np.full(n, N - 1)), "All queries turn by N - 1"),
        ("9.4", expanded_at(lambda n, N: n + np.arange(n)), "at n + a"),
        ("9.5", one_factor, "over the keys of all heads"),
        ("9.5", normalised_and(lambda S, factors: S / 5**0.5), "sqrt(d_QK) times too small"),
        ("9.5", lambda Q, W, gamma, *given: normalised_by_gram(Q, W, abs(gamma), *given), "signs of gamma"),
        ("9.1", alibi_of_places(last_positions, j=-1), "or the keys one too near"),
        ("9.1", alibi_of_places(lambda n, N: np.arange(n)[::-1]), "from n - 1 down to 0"),
        ("9.1", alibi_of_places(lambda n, N: N - np.arange(n)), "at N - a"),
        ("9.1", lambda slopes, n, N: alibi_in_loops([slopes[0]] * len(slopes), n, N), "the slope of head 0"),
        (
            "9.1",
            lambda slopes, n, N: [[[-(m * i - j) for j in range(N)] for i in range(N - n, N)] for m in slopes],
            "and j is added",
        ),
        (
            "9.1",
            lambda slopes, n, N: [[[-m * i - j for j in range(N)] for i in range(N - n, N)] for m in slopes],
            "and j is subtracted",
        ),
        ("9.2", keys_moved(lambda n: -1), "or the keys one too near"),
        ("9.2", keys_moved(lambda n: -n), "or the keys n too near"),
        ("9.2", decoupled_scaled(lambda Q, q: Q.shape[1] + q.shape[1]), "the numbers of queries"),
        ("9.2", decoupled_scaled(lambda Q, q: Q.shape[2] * q.shape[2]), "of d_QK d_R"),
        ("9.2", decoupled_scaled(lambda Q, q: Q.shape[2], lambda Q, q: Q.shape[2] + q.shape[2]), "the content part is"),
        ("9.3", mix_turned(lambda n, N: np.arange(n)), "by 0 ... n - 1"),
        ("9.3", mix_turned(lambda n, N: -N), "All mixes turn back by N"),
        ("9.3", lambda P, rows, rope: P @ rotate(rows, 1 + np.arange(-len(rows), 0), rope), "turn once more"),
        ("9.3", lambda *given: mix_by_relative_rows(*given).swapaxes(0, 1), "the axes are exchanged"),
        ("9.4", expanded_at(lambda n, N: last_positions(n, N) - 1), "one position too near"),
        ("9.4", expanded_by_head_0(keys=True, queries=True), "All heads use W_LK of head 0"),
        ("9.4", expanded_by_head_0(keys=True), "The contents of all keys"),
        ("9.4", expanded_by_head_0(queries=True), "The queries of all heads"),
        (
            "9.4",
            lambda *given: [np.array(x) / 5**0.5 for x in expanded_in_loops(*given)],
            "Queries and keys are divided",
        ),
        ("9.5", keys_of_length_1, "by its root mean square, not by its length"),
        ("9.5", keys_normalised_by_torch, "without the given eps"),
        ("9.5", other_factors(lambda factors: factors**-2), "mean squares are returned"),
        ("9.5", other_factors(lambda factors: factors / 5**0.5), "the factors hold the scale"),
        ("9.5", lambda *given: normalised_by_gram(*given[:-1], 1e-5), "eps is fixed at 1e-5"),
        ("9.5", normalised_and(lambda S, factors: np.exp(S)), "These are exponentials"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def test_minutes_and_number_of_exercises():
    assert list(EXERCISES) == ["9.1", "9.2", "9.3", "9.4", "9.5"]
    assert sum(exercise.minutes for exercise in EXERCISES.values()) == 39
