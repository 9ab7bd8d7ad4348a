"""Cost of each way to give positions to latent attention: numbers in the cache, FLOPs of decoding and of prefill.

Each scheme has two ways to read its cache (`Form`), one for decoding and one for prefill. `work` states the
conventions for FLOPs.
"""

from dataclasses import dataclass, replace

from course_lib.accounting.forms import Form, absorbed, expanded, partly_rotary, rotated_keys
from course_lib.accounting.work import decode, prefill
from course_lib.config import LatentConfig, require


@dataclass(frozen=True)
class Scheme:
    """One way to give positions to latent attention, with its forms in decoding and in prefill."""

    name: str
    decoding: Form
    prefilling: Form
    cached: int  # numbers per token and layer

    @property
    def flops_per_cached_token(self) -> int:
        """FLOPs that one more cached token adds to a decode step of one layer."""
        return decode(self.decoding, 2).flops - decode(self.decoding, 1).flops

    def prefill_flops(self, tokens: int) -> int:
        """FLOPs of one layer on `tokens` new tokens."""
        return prefill(self.prefilling, tokens).flops


def schemes(config: LatentConfig) -> list[Scheme]:
    """The schemes of notebook 09 at the sizes of `config`; its d_rope is the p of every scheme that has one.

    Raises ValueError unless 0 < d_rope <= d_latent.
    """
    p = config.d_rope
    require(0 < p <= config.d_latent, f"config must have 0 < d_rope <= d_latent = {config.d_latent}, got {p}")
    plain = replace(config, d_rope=0, rope=None, scale=None)
    r, one, many = plain.d_latent, absorbed(plain), expanded(plain)
    return [
        Scheme("none, sinusoids, ALiBi", one, many, r),
        Scheme("rotated keys", rotated_keys(plain), many, r),
        Scheme("decoupled", absorbed(config), expanded(config), r + p),
        Scheme("partly rotary latent", one, partly_rotary(plain, p), r),
        Scheme("rotary latent", one, one, r),
        Scheme("none, QK-norm", one, many, r + plain.n_heads),
    ]
