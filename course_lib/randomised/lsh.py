"""Locality-sensitive hashing by hyperplanes, and attention over the pairs that collide.

Two vectors at angle theta have the same signs for k independent Gaussian hyperplanes with probability
(1 - theta / pi)^k (Charikar, STOC 2002; Goemans and Williamson 1995). Reformer (arXiv 2001.04451) uses hashing for
attention. A table is one set of k hyperplanes; a pair is found if it collides in at least one table.

The angle is not the score: a long key far from the query's direction can have a larger one. `augment_queries` and
`augment_keys` append a coordinate that makes the cosine proportional to the score (Neyshabur and Srebro, arXiv
1410.5518).

Masks: the code of a token depends on that token alone, so hashing within a causal mask is causal. The largest key norm
is not: fix the bound of `augment_keys` beforehand. Chunks of sorted buckets, as in Reformer, move with later tokens.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from course_lib.config import require
from course_lib.randomised.checks import check_positive, check_random, check_sizes, check_whole
from course_lib.reference.attention import attention, visible_entries
from course_lib.reference.checks import require_shapes


def hyperplanes(tables: int, bits: int, d: int, random: np.random.Generator) -> Float[np.ndarray, "t k d"]:
    """Normals (tables, bits, d) of independent Gaussian hyperplanes. Raises ValueError for more than 62 bits."""
    check_sizes(tables=tables, d=d)
    check_whole("bits", bits, 1, 62)  # a code is one integer
    check_random(random)
    return random.standard_normal((tables, bits, d))


def hash_codes(X: Float[np.ndarray, "n d"], H: Float[np.ndarray, "t k d"]) -> Int[np.ndarray, "t n"]:
    """The signs of H x for each table, as the bits of one integer. Cost O(n tables bits d)."""
    require_shapes(X=(X, "n d"), H=(H, "tables bits d"))
    positive = X @ np.swapaxes(H, -1, -2) >= 0
    return (positive * 2 ** np.arange(H.shape[1])).sum(-1)


def buckets(codes: Int[np.ndarray, "n"]) -> dict[int, Int[np.ndarray, "c"]]:
    """Code -> the numbers of the rows that have it, in rising order. Cost O(n log n)."""
    _require_codes("codes", codes, "n")
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, starts[1:]), strict=True))


def colliding_pairs(codes_Q: Int[np.ndarray, "t n"], codes_K: Int[np.ndarray, "t N"]) -> Bool[np.ndarray, "n N"]:
    """(N_Q, N_KV), true where query and key collide in at least one table. Cost: the pairs, not N_Q N_KV.

    Raises ValueError unless both have codes for the same tables.
    """
    _require_codes("codes_Q", codes_Q, "tables", "n")
    _require_codes("codes_K", codes_K, "tables", "n")
    same = len(codes_Q) == len(codes_K)
    require(same, f"codes_Q and codes_K must be of the same tables, got {len(codes_Q)} and {len(codes_K)} of them")
    pairs = np.zeros((codes_Q.shape[1], codes_K.shape[1]), dtype=bool)
    for of_Q, of_K in zip(codes_Q, codes_K, strict=True):
        keys = buckets(of_K)
        for code, queries in buckets(of_Q).items():
            if code in keys:
                pairs[queries[:, None], keys[code]] = True
    return pairs


def collision_probability(
    Q: Float[np.ndarray, "n d"], K: Float[np.ndarray, "N d"], tables: int, bits: int
) -> Float[np.ndarray, "n N"]:
    """1 - (1 - (1 - theta / pi)^bits)^tables for the angle theta of each pair. Cost O(N_Q N_KV d), for the analysis.

    Raises ValueError for a row of length 0, which has no angle.
    """
    require_shapes(Q=(Q, "N_Q d"), K=(K, "N_KV d"))
    check_sizes(tables=tables, bits=bits)
    lengths = [np.linalg.norm(X, axis=1) for X in (Q, K)]
    for name, found in zip("QK", lengths, strict=True):
        require(bool((found > 0).all()), f"{name} must have rows of positive length, got a row of length 0")
    cosine = np.clip(Q @ K.T / np.outer(*lengths), -1.0, 1.0)
    return 1 - (1 - (1 - np.arccos(cosine) / np.pi) ** bits) ** tables


def lsh_attention(
    Q: Float[np.ndarray, "n d"],
    K: Float[np.ndarray, "N d"],
    V: Float[np.ndarray, "N v"],
    H: Float[np.ndarray, "t k d"],
    mask: Bool[np.ndarray, "n N"] | None = None,
    scale: float | None = None,
) -> Float[np.ndarray, "n v"]:
    """Softmax attention over the pairs that collide and that the mask shows; a query that finds no key gets zero.

    This function forms all logits, for clarity. The method costs O((N_Q + N_KV) tables bits d) for the codes and
    O(d_QK + d_V) for each pair that is found. The largest error of a row is stated by `sparse.found_weight`.
    """
    require_shapes(Q=(Q, "N_Q d_QK"), K=(K, "N_KV d_QK"), V=(V, "N_KV d_V"), H=(H, "tables bits d_QK"))
    visible = visible_entries(mask, (len(Q), len(K)))
    return attention(Q, K, V, visible & colliding_pairs(hash_codes(Q, H), hash_codes(K, H)), scale=scale)


def augment_keys(K: Float[np.ndarray, "N d"], bound: float) -> Float[np.ndarray, "N d+1"]:
    """k -> (k / bound, sqrt(1 - ||k||^2 / bound^2)), of length 1. Raises ValueError for a key longer than the bound."""
    require_shapes(K=(K, "N_KV d_QK"))
    check_positive("bound", bound)
    squares = (K**2).sum(1) / bound**2
    longest = bound * np.sqrt(squares.max(initial=0.0))
    require(
        longest <= bound * (1 + 1e-12), f"bound must be at least the length of each key, {longest:.6g}, got {bound}"
    )
    return np.column_stack([K / bound, np.sqrt(np.maximum(1 - squares, 0.0))])


def augment_queries(Q: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d+1"]:
    """q -> (q, 0). Its cosine with an augmented key is <q, k> / (||q|| bound), so that it rises with the score."""
    require_shapes(Q=(Q, "N_Q d_QK"))
    return np.column_stack([Q, np.zeros(len(Q))])


def _require_codes(name: str, codes: np.ndarray, *shape: str) -> None:
    """Raises ValueError unless codes are an array of integers with as many axes as `shape`."""
    good = isinstance(codes, np.ndarray) and np.issubdtype(codes.dtype, np.integer)
    got = f"{codes.dtype} {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
    good = good and codes.ndim == len(shape)
    require(good, f"{name} must be integers ({', '.join(shape)}), got {got}")
