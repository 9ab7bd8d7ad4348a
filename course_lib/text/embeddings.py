"""Word vectors without a training loop: count neighbours, weigh the counts, keep the leading singular directions.

The weight of a count is its positive pointwise mutual information (PPMI).

Levy, Goldberg, Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings", TACL 2015.
Sizes: N_T tokens in the vocabulary, d coordinates of an embedding, E in R^{N_T x d} (paper, section 1).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from course_lib.config import is_whole, require
from course_lib.text.tokenizers.unicode import warn_of_unknown

WORD = re.compile(r"[^\W\d_]+")  # runs of letters


def require_count(name: str, value, least: int = 1) -> None:
    """Raise ValueError unless the argument called `name` is an integer of at least `least`."""
    good = is_whole(value, least) or (isinstance(value, np.integer) and value >= least)
    require(good, f"{name} must be an integer of at least {least}, got {value!r}")


def embed(E: np.ndarray, ids: Sequence[int] | np.ndarray) -> np.ndarray:
    """The row E_i of each token i: E (N_T, d) and ids of any shape give ids.shape + (d,).

    Raises ValueError for ids outside 0..N_T - 1 (NumPy would take -1 for the last row) and for an E that is no matrix,
    TypeError for ids that are no integers.
    """
    require(np.ndim(E) == 2, f"E must have the shape (N_T, d), got {np.shape(E)}")
    return E[checked_ids(ids, len(E))]


def checked_ids(ids: Sequence[int] | np.ndarray, n_tokens: int) -> np.ndarray:
    """`ids` as an array of integers. Raises ValueError for one outside 0..n_tokens - 1, TypeError for other types."""
    ids = np.asarray(ids)
    if ids.size == 0:
        return ids.astype(np.intp)
    if not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(f"ids must be integers, got dtype {ids.dtype}")
    outside = ids[(ids < 0) | (ids >= n_tokens)]
    require(outside.size == 0, f"ids must lie in 0..{n_tokens - 1} (the vocabulary), got {outside[:1]}")
    return ids.astype(np.intp, copy=False)


def cooccurrences(ids: Sequence[int] | np.ndarray, n_tokens: int, window: int) -> np.ndarray:
    """Matrix C of counts: C[i, j] is how often token j stands at most `window` places from token i.

    ids (n,), C (n_tokens, n_tokens), symmetric, in float32, so that counts are exact up to 2**24.
    Raises ValueError for ids outside 0..n_tokens - 1 and for a window below 1, TypeError for ids that are no integers.
    """
    require_count("n_tokens", n_tokens)
    require_count("window", window)
    ids = checked_ids(ids, n_tokens)
    require(ids.ndim == 1, f"ids must have the shape (n,), got {ids.shape}")
    C = np.zeros(n_tokens * n_tokens, dtype=np.float32)
    for distance in range(1, window + 1):
        np.add.at(C, ids[:-distance] * n_tokens + ids[distance:], np.float32(1))  # flat indices take NumPy's fast path
    C = C.reshape(n_tokens, n_tokens)
    return C + C.T


def ppmi(C: np.ndarray, smoothing: float = 1.0) -> np.ndarray:
    """Positive pointwise mutual information, max(0, log(P(i, j) / (P(i) P(j)))), and 0 where the count is 0.

    C (N_T, M) counts how often token i stands beside context j; the result has the same shape.
    With smoothing < 1, P(j) is proportional to `count(j)**smoothing`: rare contexts weigh less (Levy et al.: 0.75).
    Raises ValueError unless C is a matrix of counts, none negative and one of them positive, and 0 < smoothing <= 1.
    """
    require(np.ndim(C) == 2, f"C must be a matrix of counts, got the shape {np.shape(C)}")
    C = np.asarray(C, dtype=np.result_type(C, np.float32))
    require(np.all(C >= 0) and np.any(C > 0), "C must hold counts: none negative or NaN, one of them positive")
    require(0 < smoothing <= 1, f"smoothing must lie in (0, 1], got {smoothing}")
    rows = C.sum(1, keepdims=True, dtype=np.float64)
    columns = C.sum(0, keepdims=True, dtype=np.float64) ** smoothing
    # count(i, j) / (count(i) P(j)). Rows and columns of zeros are divided by 1, so that they stay zero.
    M = C / np.where(rows > 0, rows, 1).astype(C.dtype)
    M /= np.where(columns > 0, columns / columns.sum(), 1).astype(C.dtype)
    return np.log(np.maximum(M, 1, out=M), out=M)


def truncated_svd(M: np.ndarray, rank: int, seed: int = 0, iterations: int = 4) -> tuple[np.ndarray, ...]:
    """The leading singular triples of M (m, n) by random projection: U (m, rank), s (rank,), Vt (rank, n).

    Halko, Martinsson, Tropp, SIAM Review 2011, algorithms 4.4 and 5.1. `iterations`: power iterations, more for more
    accuracy. The sign of each triple makes the entry of largest modulus in its left vector positive, so that plots of
    the vectors do not flip.
    Raises ValueError unless M is finite and 1 <= rank <= min(m, n).
    """
    require(np.ndim(M) == 2, f"M must be a matrix, got the shape {np.shape(M)}")
    require(bool(np.isfinite(M).all()), "M must be finite, got NaN or infinity")
    require_count("rank", rank)
    require(rank <= min(M.shape), f"rank must not exceed the smaller side of M, {min(M.shape)}, got {rank}")
    width = min(rank + 10, *M.shape)  # a few more directions than needed make the leading ones accurate
    basis = np.random.default_rng(seed).standard_normal((M.shape[1], width)).astype(M.dtype)
    basis = np.linalg.qr(M @ basis)[0]
    for _ in range(iterations):
        basis = np.linalg.qr(M @ np.linalg.qr(M.T @ basis)[0])[0]
    U, s, Vt = np.linalg.svd(basis.T @ M, full_matrices=False)
    U = (basis @ U)[:, :rank]
    signs = np.sign(U[np.abs(U).argmax(0), np.arange(rank)])
    return U * signs, s[:rank], Vt[:rank] * signs[:, None]


@dataclass(frozen=True)
class WordVectors:
    """An embedding matrix E (N_T, d) and the word of each row."""

    words: tuple[str, ...]
    E: np.ndarray = field(repr=False)

    @classmethod
    def learn(cls, text: str, n_words: int = 4000, d: int = 50, window: int = 5, seed: int = 0) -> Self:
        """Vectors of the `n_words` most frequent words of `text`, or of all words if it has fewer.

        Words are runs of letters in lower case. Rarer words are dropped before neighbours are counted. With U and s
        from the truncated SVD of the PPMI matrix, E = U sqrt(s).
        Raises ValueError when the text has fewer than two words, and when fewer than d words get a vector.
        """
        require_count("n_words", n_words)
        require_count("d", d)
        warn_of_unknown(text)
        sequence = WORD.findall(text.lower())
        require(len(sequence) > 1, f"text must hold at least two words, got {text!r}")
        counts = Counter(sequence)
        words = sorted(counts, key=lambda word: (-counts[word], word))[:n_words]
        require(d <= len(words), f"d must be at most the number of words, {len(words)}, got {d}")
        index = {word: i for i, word in enumerate(words)}
        ids = np.array([index[word] for word in sequence if word in index], dtype=np.intp)
        U, s, _ = truncated_svd(ppmi(cooccurrences(ids, len(words), window), smoothing=0.75), d, seed)
        return cls(tuple(words), U * np.sqrt(s))

    def nearest(self, word: str, k: int = 8) -> list[tuple[str, float]]:
        """The k other words of largest cosine to `word`, with that cosine. Raises ValueError for an unknown word."""
        require(word in self.words, f"word must be one of the {len(self.words)} words learnt, got {word!r}")
        require_count("k", k)
        lengths = np.linalg.norm(self.E, axis=1)
        directions = self.E / np.where(lengths > 0, lengths, 1)[:, None]
        i = self.words.index(word)
        cosines = directions @ directions[i]
        order = [j for j in np.argsort(-cosines, kind="stable") if j != i][:k]
        return [(self.words[j], float(cosines[j])) for j in order]
