"""Exercise 12.3: the kernel A of causal attention without overflow, its weights and its normalisers."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def shifted_kernel(Q, K, scale, mask):
    S = np.where(mask, scale * (Q @ K.T), -np.inf)
    largest = S.max(axis=1, keepdims=True)  # the largest logit that each row sees
    A = np.exp(S - largest)
    Z = A.sum(axis=1, keepdims=True)
    return {"A": A, "P": A / Z, "log_Z": (largest + np.log(Z))[:, 0]}


def _late(n: int, N: int) -> np.ndarray:
    """The causal mask of the last n of N tokens."""
    return np.tri(n, N, N - n, dtype=bool)


def _inputs(n: int, N: int, size: float, seed: int, scale: float = 0.4) -> tuple:
    """Queries and keys of four coordinates, with logits of the order of size, and the causal mask."""
    return size * randn(n, 4, seed=seed), randn(N, 4, seed=seed + 1) / scale, scale, _late(n, N)


def _hidden() -> tuple:
    """Five tokens. The last key has logits near 1e12 with all queries, but only the last query sees it."""
    K = np.concatenate([randn(4, 3, seed=51), [[1e12, 0.0, 0.0]]]) * 2
    Q = np.concatenate([np.ones((5, 1)), randn(5, 2, seed=52)], axis=1)
    return Q, K, 0.5, _late(5, 5)


def _least() -> tuple:
    """Five tokens. The first query has the logit -1e12 with the key that it sees, and lower ones with the others."""
    K = np.concatenate([[[1.0], [1.5], [2.0], [1.5], [1.0]], randn(5, 2, seed=53)], axis=1) * 2
    Q = np.concatenate([[[-1e12, 0.0, 0.0]], randn(4, 3, seed=54)])
    return Q, K, 0.5, _late(5, 5)


def _with_finite_logits(number: float):
    """A wrong answer: hidden logits are this number."""

    def answer(Q, K, scale, mask):
        S = np.where(mask, scale * (Q @ K.T), number)
        largest = S.max(axis=1, keepdims=True)
        A = np.exp(S - largest)
        Z = A.sum(axis=1, keepdims=True)
        return {"A": A, "P": A / Z, "log_Z": (largest + np.log(Z))[:, 0]}

    return answer


KERNEL = Exercise(
    id="12.3",
    title="a kernel that does not overflow",
    minutes=7,
    difficulty=2,
    solution=shifted_kernel,
    stages=(
        Stage(_inputs(3, 6, 1.0, 10), "three new tokens behind three cached ones, logits of size 1"),
        Stage(_inputs(5, 5, 1.0, 20, 1.7), "five tokens, logits of size 1"),
        Stage(_hidden(), "five tokens; the last key, which the last query alone sees, has logits near 1e12"),
        Stage(
            (np.array([[-1000.0], [1000.0]]), np.array([[1.0], [1.0], [0.999]]), 1.2, _late(2, 3)),
            "one row of logits near -1200, one near 1200",
        ),
        Stage(_inputs(4, 6, 400.0, 30, 0.3), "four new tokens behind two cached ones, logits between -1028 and 818"),
        Stage(
            _least(),
            "five tokens; the first query sees one key, with the logit -1e12: a finite number for hidden keys, such "
            "as -1e9, is larger",
        ),
    ),
    mistakes=(
        *edits(
            shifted_kernel,
            """
        S.max(axis=1, keepdims=True) -> S.max(axis=0, keepdims=True) | The shift is that of each column. It multiplies
          the columns of A by different factors, so the weights change. Each row has one shift.
        S.max(axis=1, keepdims=True) -> S.max(keepdims=True) | One shift serves all rows. It leaves P as it is, but rows
          with small logits underflow. Take the largest logit of each row.
        S.max(axis=1, keepdims=True) -> np.max(np.abs(scale * (Q @ K.T))) | The shift is the largest absolute value of
          all logits. Rows with small logits underflow, so take the largest logit of each row.
        S.max(axis=1, keepdims=True) -> np.abs(scale * (Q @ K.T)).max(axis=1, keepdims=True) | The shift is the largest
          absolute value of a row. If a row has negative logits alone, all of A underflows. Take the largest logit.
        S.max(axis=1, keepdims=True) -> (scale * (Q @ K.T)).max(axis=1, keepdims=True) | The shift looks at hidden keys,
          too. A row may then underflow, so take the largest logit that it sees.
        S.max(axis=1, keepdims=True) -> (scale * (Q @ K.T)).min(axis=1, keepdims=True) | The shift is the smallest
          logit. Then all exponents are at least 0 and overflow. Take the largest.
        S.max(axis=1, keepdims=True) -> (scale * (Q @ K.T)).mean(axis=1, keepdims=True) | The shift is the mean logit.
          The largest exponent must be 0, so take the largest logit.
        S.max(axis=1, keepdims=True) -> np.zeros((len(S), 1)) | A is not shifted, or the shift is undone, so it
          overflows for large logits. Each row has its largest visible logit as shift.
        S.max(axis=1, keepdims=True) -> np.where(mask, scale * (Q @ K.T), np.inf).min(axis=1, keepdims=True) | The shift
          is the smallest logit that a row sees. Then all exponents are at least 0 and overflow. Take the largest.
        np.exp(S - largest) -> np.exp(S + largest) | The shift is added. Subtract it, so that the largest exponent is 0.
        np.exp(S - largest) -> np.exp(S / largest) | The logits are divided by the largest one. Subtract it.
        scale * (Q @ K.T) -> Q @ K.T | The scale is missing.
        scale * (Q @ K.T) -> (Q @ K.T) / scale | The scores are divided by the scale. Multiply them.
        scale * (Q @ K.T) -> (Q @ K.T) / np.sqrt(Q.shape[1]) | The scores are divided by the root of d. Multiply them by
          `scale`.
        np.exp(S - largest) -> np.exp(scale * (S - largest)) | The scale is applied twice.
        np.where(mask, scale * (Q @ K.T), -np.inf) -> scale * (Q @ K.T) | The mask is not used. A hidden key has weight
          0.
        np.where(mask, scale * (Q @ K.T), -np.inf) -> np.where(mask, scale * (Q @ K.T), 0.0) | Hidden logits are 0 here,
          so their kernel is not 0. Set them to minus infinity.
        np.where(mask, scale * (Q @ K.T), -np.inf) -> np.where(mask, -np.inf, scale * (Q @ K.T)) | The mask is taken the
          wrong way round. True is visible.
        np.where(mask, scale * (Q @ K.T), -np.inf) -> scale * (Q @ K.T) + np.where(mask, 0.0, -1e5) | A finite number is
          added to hidden logits, and a hidden logit can be larger than that. Set them to minus infinity.
        "A": A -> "A": np.exp(scale * (Q @ K.T) - largest) | P is right, but A has hidden keys. Their kernel is 0, too.
        Z = A.sum(axis=1, keepdims=True) -> Z = np.exp(scale * (Q @ K.T) - largest).sum(axis=1, keepdims=True) | The
          sums have hidden keys, too: the mask is used after them. Set hidden entries to 0 before you add.
        np.log(Z))[:, 0] -> np.log(np.exp(scale * (Q @ K.T) - largest).sum(axis=1, keepdims=True)))[:, 0] | A and P are
          right, but log_Z counts hidden keys. Add over the keys that the row sees.
        scale * (Q @ K.T) -> scale**2 * (Q @ K.T) | The scores are multiplied by the scale twice.
        np.exp(S - largest) -> np.exp(S + largest) && largest + np.log(Z) -> np.log(Z) - largest | The shift is added to
          the logits. Subtract it, so that the largest exponent is 0, and add it to the logarithm.
        A / Z -> A / A.sum() | All of A is divided by one sum. Divide each row by its own.
        A / Z -> A / A.sum(axis=0) | The columns of P have sum 1. Divide each row by its sum.
        A / Z -> A / (Z - 1) | The largest entry of a row, exp(0) = 1, is missing in its sum.
        A / Z -> A * np.exp(largest) / Z | The weights have the shift again. It cancels in A / Z.
        "A": A -> "A": A / Z | This is P. A is the kernel before it is divided by its sums.
        "A": A -> "A": np.log(A) | These are shifted logits. A is their exponential.
        largest + np.log(Z) -> np.log(Z) | log_Z is that of the shifted kernel. Add the shift: Z is the sum of exp of
          the logits themselves.
        largest + np.log(Z) -> np.log(Z) - largest | The shift is subtracted from log_Z. It was subtracted from the
          logits, so add it here.
        largest + np.log(Z) -> largest - np.log(Z) | The logarithm of the sum is subtracted. log Z = shift + log of the
          sum.
        largest + np.log(Z) -> largest * np.log(Z) | log_Z is multiplied by the shift. The logarithm of a product is a
          sum.
        largest + np.log(Z) -> largest | This is the shift. The logarithm of the sum of the shifted kernel is missing.
        largest + np.log(Z) -> np.log(np.exp(largest) * Z) | exp(shift) overflows. Add the shift to log Z instead.
        largest + np.log(Z) -> Z | These are the sums of the shifted kernel. Take the logarithm, and add the shift.
        largest + np.log(Z) -> np.exp(largest) * Z | These are the normalisers, which overflow. Return their logarithms.
        largest + np.log(Z) -> largest + Z | The logarithm is missing. log Z = shift + log of the sum.
        largest + np.log(Z) -> largest + np.log2(Z) | This is the logarithm to base 2.
        largest + np.log(Z) -> largest + np.log(Z) / scale | log of the sum is divided by the scale. Logits have it
          already.
        S.max(axis=1, keepdims=True) -> np.maximum(S.max(axis=1, keepdims=True), 0.0) | In some rows the shift is 0, as
          if hidden keys had the logit 0. Take the largest logit that the row sees, also where it is negative.
        A / Z -> A / np.exp(scale * (Q @ K.T) - largest).sum(axis=1, keepdims=True) | A and log_Z are right, but P has
          the weights of a softmax over all keys, with hidden ones set to 0 after it. Its rows do not sum to 1; divide
          each row of A by its sum.
        S.max(axis=1, keepdims=True) -> (scale * (Q @ K.T)).max(axis=1, keepdims=True) && Z = A.sum(axis=1,
          keepdims=True) -> Z = np.exp(scale * (Q @ K.T) - largest).sum(axis=1, keepdims=True) | The mask is used after
          the softmax: the shifts and the sums count hidden keys. Set hidden logits to minus infinity first.
        S.max(axis=1, keepdims=True) -> (scale * (Q @ K.T)).max(axis=1, keepdims=True) && A = np.exp(S - largest) -> A =
          np.exp(scale * (Q @ K.T) - largest) && A / Z -> np.where(mask, A / Z, 0.0) | The mask is used for P alone,
          after the softmax. Set hidden logits to minus infinity before the shift and the sums.
        (largest + np.log(Z))[:, 0] -> largest + np.log(Z) | log_Z has one column too much. Return one number for each
          row.
        """,
        ),
        *(
            Mistake(
                _with_finite_logits(float(number)),
                f"Hidden logits are {number} here, and all logits that a row sees can be smaller than that. Set hidden "
                "ones to minus infinity.",
            )
            for number in ("-1e4", "-1e5", "-1e6", "-1e9")
        ),
        Mistake(
            lambda Q, K, scale, mask: (*shifted_kernel(Q, K, scale, mask).values(),),
            "Return a dict with the keys `A`, `P` and `log_Z`.",
        ),
    ),
    hints=(
        "exp(s_ij - c_i) is exp(s_ij) with row i divided by exp(c_i). Does that change P? What does it do to the "
        "row's sum?",
        "Set hidden logits to -inf first. `S.max(axis=1, keepdims=True)` is then the largest one that each row sees.",
        "Z_i = exp(c_i) times the sum of the shifted row. So log Z_i is c_i plus the logarithm of that sum.",
    ),
)
