"""What Halko, Martinsson and Tropp prove about the error of the range finder, as numbers computed from the spectrum.

HMT is SIAM Review 53(2), 2011, section 10. M has the singular values sigma_1 >= sigma_2 >= ..., k is the target rank
and p the oversampling. Omega is Gaussian with k + p columns, and Q is a basis of the range of M Omega. The tail is
(sum_{j > k} sigma_j^2)^{1/2}, the least Frobenius error of rank k; sigma_{k+1} is the least spectral error. Each
function raises ValueError unless `sigma` is finite, not negative and in falling order, and k + p <= len(sigma).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_at_least, check_falling, check_whole


class Deviation(NamedTuple):
    """The error is at most `bound`, except with a probability of at most `failure`."""

    bound: float
    failure: float


def expected_frobenius_error(sigma: Float[np.ndarray, "m"], k: int, oversampling: int) -> float:
    """HMT Theorem 10.5: E ||M - Q Q^T M||_F <= (1 + k / (p - 1))^{1/2} times the tail, for k >= 2 and p >= 2.

    Its proof bounds the second moment, E ||M - Q Q^T M||_F^2, by the square of this number.
    """
    sigma = _check_spectrum(sigma, k, oversampling, least=2)
    return float((1 + k / (oversampling - 1)) ** 0.5 * np.linalg.norm(sigma[k:]))


def expected_spectral_error(sigma: Float[np.ndarray, "m"], k: int, oversampling: int, powers: int = 0) -> float:
    """HMT Theorem 10.6, and with `powers` = q its Corollary 10.10, for k >= 2 and p >= 2.

    E ||M - Q Q^T M|| <= (1 + (k / (p - 1))^{1/2}) sigma_{k+1} + e (k + p)^{1/2} / p times the tail. With powers, Q is a
    basis of the range of (M M^T)^q M Omega. Then sigma_j is replaced by sigma_j^{2q+1} on the right, and the power
    1 / (2 q + 1) of the sum is taken.
    """
    sigma, p = _check_spectrum(sigma, k, oversampling, least=2), oversampling
    check_whole("powers", powers, 0)
    if sigma[k] == 0:
        return 0.0
    relative = (sigma[k:] / sigma[k]) ** (2 * powers + 1)  # powers of sigma itself could underflow
    sum_of_both = 1 + (k / (p - 1)) ** 0.5 + np.e * (k + p) ** 0.5 / p * np.linalg.norm(relative)
    return float(sigma[k] * sum_of_both ** (1 / (2 * powers + 1)))


def frobenius_deviation(sigma: Float[np.ndarray, "m"], k: int, oversampling: int, t: float, u: float) -> Deviation:
    """HMT Theorem 10.7: a bound on ||M - Q Q^T M||_F that fails with probability at most 2 t^{-p} + e^{-u^2/2}.

    The bound is (1 + t (3 k / (p + 1))^{1/2}) times the tail, plus u t e (k + p)^{1/2} / (p + 1) sigma_{k+1}, for
    k >= 2, p >= 4 and t, u >= 1. It rests on Proposition 10.4 about the pseudoinverse G of a Gaussian matrix with k
    rows and k + p columns: ||G||_F > t (3 k / (p + 1))^{1/2} has a probability of at most t^{-p}, and
    ||G|| > t e (k + p)^{1/2} / (p + 1) one of at most t^{-(p+1)}.
    """
    sigma = _check_spectrum(sigma, k, oversampling, least=4)
    of_frobenius, of_spectral, failure = _pseudoinverse_norms(k, oversampling, t, u)
    return Deviation(float((1 + of_frobenius) * np.linalg.norm(sigma[k:]) + u * of_spectral * sigma[k]), failure)


def spectral_deviation(sigma: Float[np.ndarray, "m"], k: int, oversampling: int, t: float, u: float) -> Deviation:
    """HMT Theorem 10.8: a bound on ||M - Q Q^T M|| that fails with probability at most 2 t^{-p} + e^{-u^2/2}.

    The bound is (1 + t (3 k / (p + 1))^{1/2}) sigma_{k+1}, plus t e (k + p)^{1/2} / (p + 1) times the sum of the tail
    and u sigma_{k+1}, for k >= 2, p >= 4 and t, u >= 1.
    """
    sigma = _check_spectrum(sigma, k, oversampling, least=4)
    of_frobenius, of_spectral, failure = _pseudoinverse_norms(k, oversampling, t, u)
    rest = np.linalg.norm(sigma[k:]) + u * sigma[k]
    return Deviation(float((1 + of_frobenius) * sigma[k] + of_spectral * rest), failure)


def _pseudoinverse_norms(k: int, p: int, t: float, u: float) -> tuple[float, float, float]:
    """The bounds on Frobenius and spectral norm in HMT Proposition 10.4, and the failure probability of the theorems.

    Raises ValueError unless t and u are finite numbers of at least 1.
    """
    check_at_least("t", t, 1)
    check_at_least("u", u, 1)
    failure = min(2 * t**-p + np.exp(-(u**2) / 2), 1.0)
    return t * (3 * k / (p + 1)) ** 0.5, t * np.e * (k + p) ** 0.5 / (p + 1), float(failure)


def _check_spectrum(sigma: np.ndarray, k: int, oversampling: int, least: int) -> Float[np.ndarray, "m"]:
    """sigma in float64. Raises ValueError unless it is a spectrum, k >= 2, p >= least, and k + p <= m."""
    sigma = check_falling("sigma", sigma)
    check_whole("k", k, 2)
    check_whole("oversampling", oversampling, least)
    wanted = k + oversampling
    require(wanted <= len(sigma), f"sigma must have at least k + p = {wanted} entries, got {len(sigma)}")
    return sigma
