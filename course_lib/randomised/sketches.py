"""CountSketch, and TensorSketch for the polynomial kernel <q, k>^p: linear maps drawn at random, applied by FFT.

CountSketch: Charikar, Chen and Farach-Colton 2002. TensorSketch: Pham and Pagh, KDD 2013; Avron, Nguyen and Woodruff,
NIPS 2014, bound its variance by (2 + 3^p) / r ||q||^{2p} ||k||^{2p}. `sketch_errors` gives the exact variance.

Masks: the sketch of a token depends on that token alone, so `causal_linear_attention` can use it as features under a
causal mask. An estimate of <q, k>^p may be negative for every p, so rows of weights may have a normaliser near 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_sizes, check_whole
from course_lib.reference.checks import require_shapes


@dataclass(frozen=True, eq=False)
class CountSketch:
    """C: R^d -> R^r, where (C x)_b is the sum of s(i) x_i over all i with h(i) = b; h and s are independent and
    uniform.

    Theorem: E <C q, C k> = <q, k>, since E s(i) s(j) = 0 for two indices.
    """

    h: Int[np.ndarray, "d"]  # bucket of each coordinate, from 0 to r - 1
    s: Float[np.ndarray, "d"]  # sign of each coordinate, 1 or -1
    r: int

    def __post_init__(self):
        check_whole("r", self.r, 1)
        require_shapes(s=(self.s, "d"))
        h, n = self.h, len(self.s)
        good = isinstance(h, np.ndarray) and np.issubdtype(h.dtype, np.integer) and h.shape == (n,)
        got = f"{h.dtype} of shape {h.shape}" if isinstance(h, np.ndarray) else type(h).__name__
        require(good, f"h must be an array with one integer for each of {n} signs, got {got}")
        require(bool(((h >= 0) & (h < self.r)).all()), f"h must lie between 0 and r - 1 = {self.r - 1}")
        require(bool((np.abs(self.s) == 1).all()), f"s must hold 1 and -1 only, got {self.s}")

    @classmethod
    def draw(cls, d: int, r: int, random: np.random.Generator) -> "CountSketch":
        """Draw h and s. Raises ValueError unless d >= 1 and r >= 1 are integers."""
        check_sizes(d=d, r=r)
        check_random(random)
        return cls(random.integers(r, size=d), 1.0 - 2 * random.integers(2, size=d), r)

    def __call__(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
        """C x of each row x. Cost O(n d): one addition for each entry, whatever r is."""
        require_shapes(s=(self.s, "d"), X=(X, "n d"))
        sketch = np.zeros((self.r, len(X)))
        np.add.at(sketch, self.h, (X * self.s).T)
        return sketch.T


@dataclass(frozen=True, eq=False)
class TensorSketch:
    """The CountSketch of the tensor power of x (p factors, d^p entries) that has buckets h_1 + ... + h_p mod r.

    Adding buckets mod r is a circular convolution, which is a product in Fourier space. So the d^p entries are never
    formed. Theorem: E <T q, T k> = <q, k>^p.
    """

    parts: tuple[CountSketch, ...]

    def __post_init__(self):
        require(len(self.parts) > 0, "parts must hold at least one CountSketch, got none")
        sizes = {(len(part.s), part.r) for part in self.parts}
        require(len(sizes) == 1, f"parts must have the same d and r, got (d, r) in {sorted(sizes)}")

    @classmethod
    def draw(cls, d: int, r: int, p: int, random: np.random.Generator) -> "TensorSketch":
        """Draw p independent CountSketches. Raises ValueError unless d, r and p are integers of at least 1."""
        check_whole("p", p, 1)
        return cls(tuple(CountSketch.draw(d, r, random) for _ in range(p)))

    def __call__(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
        """T x of each row x. Cost O(n p (d + r log r))."""
        product = 1.0
        for part in self.parts:
            product = product * np.fft.rfft(part(X), axis=1)
        return np.fft.irfft(product, n=self.parts[0].r, axis=1)
