"""Exercise 10.4: scores of the heads at one frequency, from keys that a unitary matrix has mixed."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def scores_from_mixed(q, mixed, U):
    asking = q.T[:, :, None] * U[:, None]  # (h, n, c): head h asks virtual head c with q_h U_hc
    return (asking.conj() @ mixed.T).real


def _complex(*shape: int, seed: int) -> np.ndarray:
    return randn(*shape, seed=seed) + 1j * randn(*shape, seed=seed + 10)


def _inputs(h: int, n: int, N: int) -> tuple:
    U = np.linalg.qr(_complex(h, h, seed=3))[0]
    return _complex(n, h, seed=1), _complex(N, h, seed=2) @ U, U


MIXED_HEADS = Exercise(
    id="10.4",
    title="scores from mixed heads",
    minutes=8,
    difficulty=2,
    solution=scores_from_mixed,
    stages=(
        Stage(_inputs(2, 3, 2), "two heads"),
        Stage(_inputs(1, 2, 3), "one head: U is one number of size 1"),
        Stage(_inputs(3, 2, 4), "three heads"),
        Stage(_inputs(3, 3, 3), "as many queries and keys as heads"),
    ),
    mistakes=edits(
        scores_from_mixed,
        """
        U[:, None] -> U.T[:, None] | U is transposed. The keys come mixed, and head h brings q_h times row h of U.
        U[:, None] -> U.conj()[:, None] | U is not conjugated, or conjugated twice. The inner product conjugates
          the whole query q_h U_hc once.
        asking.conj() -> asking | The queries are not conjugated, or the keys are, too.
          The score is the real part of conj(q) k.
        mixed.T).real -> mixed.T) | The imaginary part is still there. A score is the real part.
        .real -> .imag | This is the imaginary part. A score is the real part.
        (asking.conj() @ mixed.T).real -> asking.real @ mixed.T.real | Real parts are taken before the product, so that
          the product of the imaginary parts is missing. Take the real part at the end.
        U[:, None] -> U.real[:, None] && q.T -> q.real.T && mixed.T -> mixed.real.T | The real parts of q, U and the
          keys are multiplied. Multiply the complex numbers, and take the real part at the end.
        (asking.conj() @ mixed.T).real -> q.real.T[:, :, None] * (mixed @ U.conj().T).real.T[:, None] | The keys are
          unmixed rightly, but real parts are taken before the product with q. Take the real part at the end.
        (asking.conj() @ mixed.T).real -> np.abs(asking.conj() @ mixed.T) | This is the size of a complex number. A
          score is its real part.
        q.T[:, :, None] * U[:, None] -> (q @ U).T[:, :, None] * np.eye(len(U))[:, None] | The queries of all heads are
          mixed, and head h asks virtual head h alone. Each head asks all virtual heads with its own query.
        q.T[:, :, None] * U[:, None] -> np.broadcast_to(q @ U, (len(U), *q.shape)) | The queries of all heads are
          mixed, so all heads have the same scores. Each head asks with its own query times row h of U.
        q.T[:, :, None] * -> q * | Head h asks virtual head c with q_c. It brings its own query q_h to all virtual
          heads.
        q.T[:, :, None] * U[:, None] -> np.broadcast_to(q * U[0], (len(U), *q.shape)) | All heads ask with q_c U_0c.
          Head h asks virtual head c with q_h U_hc.
        q.T[:, :, None] * U[:, None] -> np.broadcast_to(q * np.diag(U), (len(U), *q.shape)) | All heads ask with q_c
          U_cc. Head h asks virtual head c with q_h U_hc.
        U[:, None] -> U[0] | All heads use row 0 of U. Head h uses row h.
        U[:, None] -> np.diag(U) | Only the diagonal of U is used. Head h asks virtual head c with q_h U_hc.
        U[:, None] -> np.diag(np.diag(U))[:, None] | Head h asks virtual head h alone. It asks each virtual head c, with
          q_h U_hc.
        q.T[:, :, None] * -> np.ones_like(q.T)[:, :, None] * | The queries are not used. Head h asks virtual head c with
          q_h U_hc.
        U[:, None] -> np.ones_like(U)[:, None] | U is not used. Head h asks virtual head c with q_h U_hc.
        mixed.T -> (mixed @ U).T | U is missing, or it is used twice, which cancels. Head h brings q_h U_hc to virtual
          head c of the keys, which come mixed.
        (asking.conj() @ mixed.T).real -> (q.conj().T[:, :, None] * (mixed @ U).T[:, None]).real | The keys are mixed a
          second time, or U^* stands where U belongs. The keys come mixed, and head h brings q_h U_hc.
        q.T[:, :, None] -> q.conj().T[:, :, None] | Only U is conjugated. The inner product conjugates the whole query,
          q too.
        .real -> .real / np.sqrt(len(U)) | The scores are divided by sqrt(N_h). U is unitary, so no factor is needed.
        asking.conj() @ mixed.T -> asking.conj()[..., :1] @ mixed[:, :1].T | Only virtual head 0 is asked. Each head
          asks all virtual heads.
        .real -> .real.sum(axis=0) | The scores of all heads are added. Each head has scores of its own.
        .real -> .real.swapaxes(1, 2) | The scores are transposed. Queries are rows and keys are columns.
        """,
    ),
    hints=(
        "Head h asks all virtual heads. What it brings to virtual head c is q_h U_hc, its own query times row h of U.",
        "`q.T[:, :, None] * U[:, None]` has these numbers, (h, n, c).",
        "The score is the real part of the sum over c of the conjugate of that, times the mixed keys, "
        "`(asking.conj() @ mixed.T).real`.",
    ),
)
