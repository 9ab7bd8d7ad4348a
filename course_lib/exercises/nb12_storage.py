"""Exercise 12.5: numbers that a hierarchical approximation of a causal matrix stores."""

import math

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def hierarchical_storage(N, leaf, r):
    n_leaves = N // leaf
    levels = n_leaves.bit_length() - 1  # n_leaves = 2 ** levels
    triangles = n_leaves * (leaf * (leaf + 1) // 2)
    blocks = levels * r * N  # the blocks of a level have N / 2 rows and N / 2 columns in all
    dense = N * (N + 1) // 2
    return {"triangles": triangles, "blocks": blocks, "dense": dense, "rank": (triangles + blocks) // (2 * N)}


def _with_levels(levels):
    """A wrong answer: another number of levels, a function of N and leaf."""

    def answer(N, leaf, r):
        right = hierarchical_storage(N, leaf, r)
        blocks = levels(N, leaf) * r * N
        return right | {"blocks": blocks, "rank": int((right["triangles"] + blocks) // (2 * N))}

    return answer


STORAGE = Exercise(
    id="12.5",
    title="what a hierarchical format stores",
    minutes=7,
    difficulty=2,
    solution=hierarchical_storage,
    stages=(
        # At seven levels wrong counts are pairwise distinct; the rank is 17.25, rounded down.
        Stage((1536, 12, 4), "128 leaves of 12 rows, rank 4"),
        Stage((24, 6, 5), "four leaves of 6 rows, rank 5"),
        Stage((14, 7, 3), "two leaves of 7 rows, one block of rank 3"),
        Stage((320, 10, 2), "32 leaves of 10 rows, rank 2"),
        Stage((9, 9, 4), "one leaf: all of the matrix is a triangle"),
        Stage((96, 3, 1), "32 leaves of 3 rows, rank 1"),
        Stage((2048, 32, 8), "64 leaves of 32 rows, rank 8"),
        Stage((12, 3, 1), "four leaves of 3 rows, rank 1: one factorisation can store just as many numbers"),
    ),
    mistakes=(
        *edits(
            hierarchical_storage,
            """
        levels * r * N -> 2 * levels * r * N | This counts the blocks of both triangles, or N rows and N columns for
          each level. The matrix is causal, so only blocks below the diagonal are stored, with N / 2 rows and N / 2
          columns in all.
        levels * r * N -> levels * r * (N // 2) | One of the two factors is counted. A block of rank r has two, with r b
          numbers each.
        levels * r * N -> (levels + 1) * r * N | One level too many is counted. Two leaves need one cut, and leaves do
          not count as blocks.
        levels * r * N -> (levels - 1) * r * N | One level is missing. Two leaves need one cut, which leaves one block
          below the diagonal.
        levels * r * N -> n_leaves * r * N | The number of leaves stands where the number of levels belongs. Each level
          doubles the number of leaves.
        levels * r * N -> (n_leaves - 1) * r * N | The blocks store (N / m - 1) r N numbers here, but each level stores
          r N. Level i has 2^{i-1} blocks with N / 2^i rows and as many columns.
        levels * r * N -> sum(r * 2 * (N >> i) for i in range(1, levels + 1)) | The blocks of all levels together have N
          - m rows here, but those of one level have N / 2. Level i has 2^{i-1} blocks with N / 2^i rows and columns.
        levels * r * N -> levels * r * (N + 1) | Each level is counted with r numbers too many. Singular values can be
          multiplied into a factor, so r (b + b) numbers remain for a block.
        levels * r * N -> levels * r * N + r * (n_leaves - 1) | The singular values are counted, too. They can be
          multiplied into a factor, so r (b + b) numbers remain for a block.
        levels * r * N -> sum(2 ** (i - 1) * (N >> i) ** 2 for i in range(1, levels + 1)) | The blocks are counted as
          they are, with b^2 numbers. In factors a block has r (b + b).
        levels * r * N -> levels * N | The rank is missing. A factor has r numbers for each row or column of a block.
        levels * r * N -> r * N | These are the blocks of one level. Multiply by the number of levels.
        levels * r * N -> levels * r**2 * N | r counts twice. The factors of a block have r b numbers each.
        n_leaves * (leaf * (leaf + 1) // 2) -> n_leaves * leaf * leaf | The leaves are counted as full squares. They are
          lower triangles with the diagonal.
        n_leaves * (leaf * (leaf + 1) // 2) -> n_leaves * (leaf * (leaf - 1) // 2) | The diagonal is missing in the
          leaves. A lower triangle with it has m (m + 1) / 2 numbers.
        n_leaves * (leaf * (leaf + 1) // 2) -> n_leaves * leaf * leaf // 2 | This is half a square. A lower triangle
          with its diagonal has m (m + 1) / 2 numbers.
        n_leaves * (leaf * (leaf + 1) // 2) -> leaf * (leaf + 1) // 2 | One leaf is counted. There are N / m of them.
        n_leaves * (leaf * (leaf + 1) // 2) -> n_leaves * leaf * (leaf + 1) | Both triangles of the leaves are counted,
          and the diagonal twice. A lower triangle has m (m + 1) / 2 numbers.
        (leaf * (leaf + 1) // 2) -> (r * (r + 1) // 2) | The triangles are counted with r rows. They have `leaf` rows.
        (leaf * (leaf + 1) // 2) -> (leaf // 2) | Half a number for each row of a leaf is counted. A lower triangle has
          m (m + 1) / 2 numbers.
        (leaf * (leaf + 1) // 2) -> (leaf * (leaf + 2) // 2) | A leaf is counted with m (m + 2) / 2 numbers. It has m (m
          + 1) / 2.
        n_leaves * (leaf * (leaf + 1) // 2) -> n_leaves * (leaf * (N + 1) // 2) | This is the triangle of all N rows.
          Each leaf has m rows, so it stores m (m + 1) / 2 numbers.
        (leaf * (leaf + 1) // 2) -> 1 | The leaves are counted. Each of them stores m (m + 1) / 2 numbers.
        (leaf * (leaf + 1) // 2) -> ((leaf + 1) * (leaf + 2) // 2) | The leaves are counted with m + 1 rows. They have
          m.
        (leaf * (leaf + 1) // 2) -> leaf | One number for each row of a leaf is counted. Row i of a lower triangle has i
          + 1 of them, m (m + 1) / 2 in all.
        levels * r * N -> levels * leaf * N | The blocks are counted with rank `leaf`. Their rank is r.
        levels * r * N -> levels * r * leaf | Each level is counted with the rows of one leaf. The blocks of a level
          have N / 2 rows and N / 2 columns in all.
        levels * r * N -> 0 | No block is counted. Each level has some, down to b = m.
        levels * r * N -> (n_leaves - 1) * 2 * r | Each block is counted with 2 r numbers. It has b rows and b columns,
          so multiply by b.
        levels * r * N -> r * (N - leaf) | One block of each level is counted, and one of its two factors. Level i has
          2^{i-1} blocks.
        levels * r * N -> N | Each row counts once. At each level the blocks store r numbers for each of N / 2 rows and
          N / 2 columns.
        levels * r * N -> levels * N * N | Each block is counted with rank N. Its rank is r.
        levels * r * N -> levels * r | Each level is counted with r numbers. Its blocks store r numbers for each of N /
          2 rows and N / 2 columns.
        N // leaf -> N // r | The leaves are counted with r rows. They have `leaf` rows.
        levels * r * N -> levels * r * N - r * r * (n_leaves - 1) | A block is counted with r (2 b - r) numbers, as many
          as a matrix of rank r has parameters. Its two factors store r (b + b).
        n_leaves.bit_length() - 1 -> N.bit_length() - 1 | The levels are counted as log2(N), rounded down. They end at
          leaves of m rows, so there are log2(N / m).
        (triangles + blocks) // (2 * N)} -> (triangles + blocks - 1) // (2 * N)} | This rank is one too small. A
          factorisation may store exactly as many numbers as leaves and blocks: at most, not fewer.
        n_leaves.bit_length() - 1 -> n_leaves // 2 | Half of the leaves is taken for the number of levels. Each level
          doubles the number of leaves.
        N * (N + 1) // 2 -> N // 2 | This is N / 2. The dense triangle has N (N + 1) / 2 numbers.
        N * (N + 1) // 2 -> (N + 1) * (N + 2) // 2 | This is the triangle of N + 1 rows. There are N.
        N * (N + 1) // 2 -> N * (leaf + 1) // 2 | These are the numbers of the leaves. The dense triangle has N (N + 1)
          / 2.
        N * (N + 1) // 2 -> N * (N + 2) // 2 | This is N (N + 2) / 2. The dense triangle has N (N + 1) / 2 numbers.
        N * (N + 1) // 2 -> N | The dense triangle is counted with one number for each row. Row i has i + 1 of them.
        (triangles + blocks) // (2 * N)} -> (triangles + blocks) // (2 * leaf)} | The total is divided by 2 m. The two
          factors of rank k have N k numbers each.
        (triangles + blocks) // (2 * N)} -> (triangles + blocks) // (2 * r)} | The total is divided by 2 r. The two
          factors of rank k have N k numbers each.
        (triangles + blocks) // (2 * N)} -> (triangles + blocks) % (2 * N)} | This is the remainder. Take the quotient,
          `//`.
        (triangles + blocks) // (2 * N)} -> (triangles + blocks) // 2} | The total is halved, but not divided by N. One
          factorisation of rank k stores 2 N k numbers.
        (triangles + blocks) // (2 * N)} -> triangles + blocks} | This is the total. One factorisation of rank k stores
          2 N k numbers, so divide and round down.
        N * (N + 1) // 2 -> N * N | This is the full square. The mask leaves N (N + 1) / 2 entries of a causal matrix.
        N * (N + 1) // 2 -> N * N // 2 | This is half of the square. With the diagonal a causal matrix has N (N + 1) / 2
          entries.
        N * (N + 1) // 2 -> N * (N - 1) // 2 | The diagonal is missing in the dense triangle.
        // (2 * N)} -> // N} | One factor is counted for the single factorisation. It has two, of N r numbers each.
        (triangles + blocks) // (2 * N)} -> blocks // (2 * N)} | The leaves are not counted for the rank. The single
          factorisation may use as many numbers as leaves and blocks together.
        (triangles + blocks) // (2 * N)} -> (triangles + blocks) / (2 * N)} | A rank is a whole number. Round down.
        (triangles + blocks) // (2 * N)} -> -(-(triangles + blocks) // (2 * N))} | The rank is rounded up, so the single
          factorisation stores more than the hierarchical format. Round down.
        (triangles + blocks) // (2 * N)} -> round((triangles + blocks) / (2 * N))} | The rank is rounded to the nearest
          number. Round down, so that it stores at most as many numbers.
        (triangles + blocks) // (2 * N)} -> dense // (2 * N)} | This is the rank at which a factorisation has as many
          numbers as the dense triangle. Compare with the hierarchical format.
        (triangles + blocks) // (2 * N)} -> r} | This is the rank of the blocks. With the same storage the single
          factorisation has another rank.
        (triangles + blocks) // (2 * N)} -> triangles // (2 * N)} | The blocks are not counted for the rank. The single
          factorisation may use as many numbers as leaves and blocks together.
        """,
        ),
        Mistake(
            _with_levels(lambda N, leaf: math.log2(N)),
            "The levels are counted as log2(N). They end at leaves of m rows, so there are log2(N / m).",
        ),
        Mistake(
            _with_levels(lambda N, leaf: math.log(N / leaf)),
            "The number of levels is a natural logarithm. Each level halves the rows, so take the logarithm to base 2.",
        ),
        Mistake(
            lambda N, leaf, r: [*hierarchical_storage(N, leaf, r).values()],
            "Return a dict with the keys `triangles`, `blocks`, `dense` and `rank`.",
        ),
    ),
    hints=(
        "Level i has 2^{i-1} blocks below the diagonal, with b = N / 2^i rows and columns each, and r (b + b) numbers "
        "in two factors. How many numbers is that for all blocks of a level?",
        "It is r N at every level. The levels end where b is the size of a leaf, so there are log2(N / m) of them.",
        "A leaf of m rows stores m (m + 1) / 2 numbers. One factorisation of rank k stores 2 N k: divide by 2 N, and "
        "round down.",
    ),
)
