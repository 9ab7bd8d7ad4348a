"""Exercise 10.5: the constant that takes the place of a rotation, and what it misses."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits


def best_constants(shares, theta):
    factors = np.exp(-1j * np.arange(len(shares))[:, None] * theta)  # (S, F), for the shifts 0, -1, ...
    constants = shares @ factors
    return constants, 1 - np.abs(constants) ** 2


SHARES = np.array([0.3, 0.05, 0.2, 0.1, 0.08, 0.12, 0.02, 0.06, 0.07])
BEST_CONSTANTS = Exercise(
    id="10.5",
    title="a constant for a rotation",
    minutes=5,
    difficulty=1,
    solution=best_constants,
    stages=(
        Stage((np.array([0.4, 0.1, 0.3, 0.2]), np.array([0.7, 2.0, 0.3])), "four distances and three pairs"),
        Stage((np.array([0.1, 0.5, 0.3, 0.1]), np.array([1.0, 0.3, 0.02, 2.0])), "as many distances as pairs"),
        Stage((SHARES, np.array([1.0, 0.2, 0.01])), "nine distances, three pairs"),
        Stage((np.array([1.0]), np.array([0.7])), "distance 0 only: nothing turns"),
    ),
    mistakes=edits(
        best_constants,
        """
        -1j -> 1j | The constants are conjugated. The factor at shift s is e^(i s theta), and no shift is
          positive.
        np.arange(len(shares)) -> np.arange(1, len(shares) + 1) | The distances begin at 1. The query itself has
          distance 0.
        1 - np.abs(constants) ** 2 -> np.abs(constants) ** 2 | These are the parts that are kept. The errors are 1
          minus that.
        1 - np.abs(constants) ** 2 -> 1 - np.abs(constants) | The size is not squared. The mean square that is left is
          1 - |z_f|^2.
        1 - np.abs(constants) ** 2 -> (1 - np.abs(constants)) ** 2 | This is (1 - |z_f|)^2. The mean square that is left
          is 1 - |z_f|^2.
        1 - np.abs(constants) ** 2 -> np.abs(1 - constants) ** 2 | This is |1 - z_f|^2. The mean square that is left is
          1 - |z_f|^2.
        1 - np.abs(constants) ** 2 -> 2 - 2 * constants.real | This is what the constant 1 leaves. The best constant
          leaves 1 - |z_f|^2.
        1 - np.abs(constants) ** 2 -> 1 - constants**2 | The complex constant is squared. Take the square of its size.
        1 - np.abs(constants) ** 2 -> np.sqrt(1 - np.abs(constants) ** 2) | These are roots of the errors. The mean
          square itself is asked for.
        shares @ factors -> factors.sum(axis=0) | The rotations are added without their shares. The shares are the
          weights of the mean.
        * theta) -> * np.ones_like(theta)) | The frequencies are not used. Pair f turns by s theta_f at distance s.
        np.abs(constants) ** 2 -> constants.real ** 2 | The imaginary part is missing in the size. |c|^2 is the sum of
          two squares.
        np.abs(constants) ** 2 -> constants.imag ** 2 | The real part is missing in the size. |c|^2 is the sum of two
          squares.
        shares @ factors -> factors.mean(axis=0) | All distances count alike. The shares are the weights of the mean.
        shares @ factors -> (shares[:, None] * factors).mean(axis=0) | Shares times factors are averaged, which divides
          by S once more. The shares sum to 1, so add the products.
        np.exp(-1j * np.arange(len(shares))[:, None] * theta) -> np.cos(np.arange(len(shares))[:, None] * theta) | Only
          the cosine is taken. The factors are complex.
        1 - np.abs(constants) ** 2 -> (np.abs(factors - constants) ** 2).mean(axis=0) | The mean squares count all
          shifts alike. The shares are their weights, too.
        1 - np.abs(constants) ** 2 -> (np.abs(factors - constants) ** 2).sum(axis=0) | The squares are added without
          their shares. The shares are the weights of the mean square, too.
        1 - np.abs(constants) ** 2 -> shares @ np.abs(factors - constants) | These are mean sizes of what is left.
          Square each size before you take the mean.
        1 - np.abs(constants) ** 2 -> (1 - constants**2).real | The complex constant is squared, and the real part is
          taken. Take the square of its size.
        shares @ factors -> np.exp(-1j * (shares @ np.arange(len(shares))) * theta) | This is the rotation at the mean
          distance, which has size 1. Take the mean of the rotations.
        constants = shares @ factors -> constants = np.exp(-1j * (shares @ np.arange(len(shares))) * theta) && 1 -
          np.abs(constants) ** 2 -> shares @ np.abs(factors - constants) ** 2 | This is the rotation at the mean
          distance, and what it leaves. The mean of the rotations leaves less.
        -1j * -> -1 * | The factor i is missing in the exponent, so that the numbers shrink. e^(i s theta) turns.
        shares @ factors -> shares @ factors / np.abs(shares @ factors) | The constants are brought to size 1, so that
          the errors are 0. The best constant is the mean itself.
        shares @ factors -> shares[:-1] @ factors[:-1] | The last shift is missing. There are as many shifts as shares.
        np.arange(len(shares)) -> np.ones(len(shares)) | All shifts turn pair f by theta_f. Shift -s turns it by -s
          theta_f.
        shares @ factors -> factors[np.argmax(shares)] | This is the rotation at the most frequent distance. Take the
          mean over all distances.
        return constants, -> return np.abs(constants), | These are the sizes of the constants. The constants are
          complex.
        return constants, -> return constants.real, | These are the real parts of the constants. The constants are
          complex.
        return constants, -> return -1j * constants.conj(), | Sine and cosine are exchanged in the constants. The real
          part is the mean of the cosines.
        return constants, -> return 1j * constants.conj(), | Real and imaginary part of the constants are exchanged. The
          real part is the mean of the cosines.
        return constants, -> return constants.real + constants.imag, | The imaginary part is added without the factor i.
        return constants, 1 - np.abs(constants) ** 2 -> return constants / np.abs(constants), 2 - 2 * np.abs(constants)
          | The constants are brought to size 1, and the errors are theirs. The best constant is the mean itself.
        return constants, -> return constants / np.abs(constants), | The constants are brought to size 1. The best
          constant is the mean itself.
        return constants, 1 - np.abs(constants) ** 2 -> return 1 - np.abs(constants) ** 2, constants | The errors come
          first. Return the constants, then the errors.
        """,
    ),
    hints=(
        "The best constant in the mean square is the mean. The shares are its weights, and they sum to 1.",
        "`np.exp(-1j * np.arange(S)[:, None] * theta)` has a row for each of the shifts 0, -1, ..., -(S - 1). "
        "`shares @` that is the mean.",
        "What is left is 1 - |z_f|^2. Expand the square, and use that each factor has size 1.",
    ),
)
