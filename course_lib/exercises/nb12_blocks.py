"""Exercise 12.4: the blocks of one level below the diagonal of a causal matrix, and their errors at a rank."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def level_blocks(P, level, r):
    b = len(P) // 2**level
    starts = range(0, len(P), 2 * b)  # the first column of each block; its first row lies b further down
    blocks = np.stack([P[i + b : i + 2 * b, i : i + b] for i in starts])
    sigma = np.linalg.svd(blocks, compute_uv=False)
    return {"blocks": blocks, "errors": np.sqrt((sigma[:, r:] ** 2).sum(axis=1))}


def _block_row(P, level, r):
    """A wrong answer: all of the rows left of a diagonal block is one block."""
    b = len(P) // 2**level
    sigma = [np.linalg.svd(P[i : i + b, :i], compute_uv=False) for i in range(b, len(P), 2 * b)]
    return level_blocks(P, level, r) | {"errors": np.array([np.sqrt((s[r:] ** 2).sum()) for s in sigma])}


def _wrong_places(place):
    """A wrong answer: block i begins in row and column place(i) of blocks."""

    def answer(P, level, r):
        b = len(P) // 2**level
        places = [place(i) for i in range(2 ** (level - 1))]
        blocks = np.stack([P[i * b : (i + 1) * b, j * b : (j + 1) * b] for i, j in places])
        return {"blocks": blocks, "errors": np.array([_error(block, r) for block in blocks])}

    return answer


def _error(block, r):
    return np.linalg.norm(np.linalg.svd(block, compute_uv=False)[r:])


def _all_levels(P, level, r):
    """A wrong answer: the blocks of all levels up to this one, the largest first."""
    blocks = [block for i in range(1, level + 1) for block in level_blocks(P, i, r)["blocks"]]
    return {"blocks": blocks, "errors": np.array([_error(block, r) for block in blocks])}


def _level_by_level(P, level, r):
    """A wrong answer: what is asked for, of all levels up to this one."""
    found = [level_blocks(P, i, r) for i in range(1, level + 1)]
    return {key: [one[key] for one in found] for key in ("blocks", "errors")}


def _approximated(P, level, r):
    """A wrong answer: the best approximations of rank r in place of the blocks."""
    found = level_blocks(P, level, r)
    U, sigma, Vt = np.linalg.svd(found["blocks"])
    return found | {"blocks": (U[..., :r] * sigma[:, None, :r]) @ Vt[:, :r]}


def _causal(N: int, seed: int) -> np.ndarray:
    """The weights of a causal head, with logits large enough that blocks have no small rank."""
    A = np.tril(np.exp(1.5 * randn(N, N, seed=seed)))
    return A / A.sum(axis=1, keepdims=True)


BLOCKS = Exercise(
    id="12.4",
    title="blocks below the diagonal",
    minutes=8,
    difficulty=2,
    solution=level_blocks,
    stages=(
        Stage((_causal(48, 1), 3, 2), "48 tokens, level 3, rank 2"),
        Stage((_causal(24, 6), 2, 3), "24 tokens, level 2, rank 3"),
        Stage((_causal(14, 2), 1, 3), "14 tokens, level 1, rank 3"),
        Stage((_causal(40, 3), 3, 1), "40 tokens, level 3, rank 1"),
        Stage((_causal(24, 4), 3, 3), "24 tokens, level 3, the full rank 3 of its blocks"),
        Stage((_causal(20, 5), 2, 0), "20 tokens, level 2, rank 0: the error is the norm"),
    ),
    mistakes=(
        *edits(
            level_blocks,
            """
        P[i + b : i + 2 * b, i : i + b] -> P[i : i + b, i + b : i + 2 * b] | These blocks lie above the diagonal, where
          a causal matrix is 0. Exchange rows and columns.
        P[i + b : i + 2 * b, i : i + b] -> P[i : i + b, i : i + b] | These blocks lie on the diagonal, every second one
          of them. Begin b rows further down.
        P[i + b : i + 2 * b, i : i + b] -> P[i + b : i + 2 * b, i + b : i + 2 * b] | These blocks lie on the diagonal,
          every second one of them. Begin b columns further left.
        range(0, len(P), 2 * b) -> range(0, len(P), b) && P[i + b : i + 2 * b, i : i + b] -> P[i : i + b, i : i + b] |
          These are the blocks on the diagonal. Those of the level lie below it, b rows under every second one.
        P[i + b : i + 2 * b, i : i + b] -> P[i + b : i + 2 * b, i : i + b].T | The blocks are transposed. The errors do
          not show it, but rows are queries.
        range(0, len(P), 2 * b) -> range(0, len(P) - b, b) | All blocks next to the diagonal are taken. Every second one
          was cut at an earlier level, as part of a larger block.
        [P[i + b : i + 2 * b, i : i + b] for i in starts] -> [P[j : j + b, i : i + b] for j in range(0, len(P), b) for i
          in range(0, j, b)] | All blocks below the diagonal are taken. Those of the level are the neighbours of the
          diagonal, and of these every second one.
        len(P) // 2**level -> len(P) // 2 ** (level - 1) | b is twice as large as it should be. Level 1 has b = N / 2.
        len(P) // 2**level -> len(P) // 2 ** (level + 1) | b is half as large as it should be. Level 1 has b = N / 2.
        len(P) // 2**level -> len(P) // (2 * level) | N is divided by 2 level. Each level halves b, so divide by
          2^level.
        range(0, len(P), 2 * b) -> range(b, len(P) - b, 2 * b) | These blocks begin b columns too far right, between
          those of the level. The first one begins in column 0.
        range(0, len(P), 2 * b) -> range(0, len(P) // 2, b) | The first blocks next to the diagonal are taken. Every
          second one belongs to the level, down to the last row.
        P[i + b : i + 2 * b, i : i + b] -> P[b : 2 * b, :b] | All blocks are the first one. Block i begins in column 2 i
          b.
        range(0, len(P), 2 * b) -> range(0, len(P), 2 * b)[::-1] | The blocks stand in reverse order. Begin with the
          first rows.
        sigma[:, r:] -> sigma[:, r + 1 :] | One value too few is left out: the errors are those of rank r + 1. Rank r
          keeps sigma_0 ... sigma_{r-1}.
        sigma[:, r:] -> sigma[:, r - 1 :] | The errors are those of rank r - 1. Rank r keeps sigma_0 ... sigma_{r-1}.
        sigma[:, r:] -> sigma[:, :r] | This is the norm of what is kept. The error has the values from sigma_r on.
        sigma[:, r:] -> sigma | This is the norm of each block. The error of rank r has the values from sigma_r on.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> (sigma[:, r:] ** 2).sum(axis=1) | The errors are squared. Take the
          root.
        sigma[:, r:] ** 2 -> sigma[:, r:] | The root of a sum of singular values is taken. Add their squares.
        sigma[:, r:] ** 2 -> sigma[:, r:] * 2 | The singular values are doubled, not squared.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> sigma[:, r:].sum(axis=1) | The values that are left out are added.
          Add their squares, and take the root.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> np.append(sigma, np.zeros((len(sigma), 1)), axis=1)[:, r] | This is
          sigma_r, the error in the spectral norm. The Frobenius norm has all values from sigma_r on.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> np.sqrt((sigma[:, r:] ** 2).sum(axis=1) / (sigma**2).sum(axis=1)) |
          The errors are divided by the norms of the blocks. Return them as they are.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> np.sqrt((sigma[:, r:] ** 2).mean(axis=1)) | This is a mean of
          squares. The Frobenius norm has their sum.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> np.sqrt((sigma[:, r:] ** 2).sum()) | This is the error of all blocks
          together. Return one for each block.
        np.sqrt((sigma[:, r:] ** 2).sum(axis=1)) -> np.sqrt((sigma[:, r:] ** 2).sum(axis=0)) | The sum runs over the
          blocks. Add over the singular values of each block.
        np.linalg.svd(blocks, compute_uv=False) -> np.broadcast_to(np.linalg.svd(P, compute_uv=False), (len(blocks),
          len(P))) | These are singular values of all of P. Take those of each block.
        np.linalg.svd(blocks, compute_uv=False) -> np.abs(np.linalg.eigvals(blocks)) | These are absolute eigenvalues. A
          block is not symmetric, so take its singular values.
        np.linalg.svd(blocks, compute_uv=False) -> np.linalg.svd(blocks, compute_uv=False) ** 2 | The singular values
          are squared twice. `svd` returns them without squares.
        """,
        ),
        Mistake(
            _wrong_places(lambda i: (i, i)),
            "These are the first blocks on the diagonal. Block i lies below it: it begins in row (2 i + 1) b and in "
            "column 2 i b.",
        ),
        Mistake(
            _wrong_places(lambda i: (2 * i + 1, 0)),
            "These blocks have the right rows, but all of them lie in the first b columns. Block i begins in column "
            "2 i b.",
        ),
        Mistake(
            _wrong_places(lambda i: (i + 1, 0)),
            "All of these blocks lie in the first b columns, one under the other. Block i begins in row (2 i + 1) b "
            "and in column 2 i b.",
        ),
        Mistake(
            _all_levels,
            "These are the blocks of all levels up to the one that is given. Return those of this level alone.",
        ),
        Mistake(
            _level_by_level,
            "These are lists of blocks and errors, one entry for each level. Return those of the last level alone.",
        ),
        Mistake(
            _approximated,
            "These are the approximations of the blocks. Return the blocks themselves; the errors are right.",
        ),
        Mistake(
            lambda P, level, r: {
                key: found / (np.linalg.norm(P) if key == "errors" else 1)
                for key, found in level_blocks(P, level, r).items()
            },
            "The errors are divided by the norm of P. Return them as they are.",
        ),
        Mistake(
            _block_row,
            "The errors are those of all the rows left of the diagonal. A block of the level has b columns.",
        ),
        Mistake(
            lambda P, level, r: [*level_blocks(P, level, r).values()],
            "Return a dict with the keys `blocks` and `errors`.",
        ),
        Mistake(
            lambda P, level, r: level_blocks(P, level, r)["blocks"],
            "These are the blocks. Return a dict with the blocks and their errors, under `blocks` and `errors`.",
        ),
    ),
    hints=(
        "b is N / 2^level. Draw P for level 2: it has four blocks on the diagonal. The level has one block below the "
        "first two, and one below the last two. Which rows and columns does the second one have?",
        "Block i begins in column 2 i b and in row (2 i + 1) b. `np.stack` puts the blocks in one array.",
        "`np.linalg.svd(blocks, compute_uv=False)` has a row of falling singular values for each block. The error of "
        "rank r is the root of the sum of squares from index r on.",
    ),
)
