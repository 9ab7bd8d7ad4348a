"""Cost of each way to give positions to latent attention: numbers in the cache, FLOPs of decoding and of prefill.

Each scheme has two readings of the cache (`Reading`), one for decoding and one for prefill. `work` states the
conventions for FLOPs.
"""

from dataclasses import dataclass, replace

from course_lib.accounting.readings import Reading, absorbed, expanded
from course_lib.accounting.work import decode, prefill
from course_lib.config import LatentConfig, require


@dataclass(frozen=True)
class Scheme:
    """One way to give positions to latent attention, with its readings in decoding and in prefill."""

    name: str
    decoding: Reading
    prefilling: Reading
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


def rotated_keys(config: LatentConfig) -> Reading:
    """The reading that makes and rotates all keys at every step, while the values stay absorbed."""
    made, h, r = expanded(config), config.n_heads, config.d_latent
    row = h * config.d_head + r  # read per token: the keys, and the latent row as value
    return replace(made, d_value=r, floats_per_row=row, expand=h * r * config.d_head, absorb=h * r * config.d_value)


def partly_rotary(config: LatentConfig, turned: int) -> Reading:
    """The expanded reading of a partly rotary latent, whose last p = `turned` coordinates carry rotary positions.

    These p coordinates enter each head unchanged, so that its keys have width e + p and its values v + p.
    """
    h, e, v = config.n_heads, config.d_head, config.d_value
    return replace(
        expanded(config),
        d_key=e + turned,
        d_value=v + turned,
        floats_per_row=h * (e + v + 2 * turned),
        expand=h * (config.d_latent - turned) * (e + v),
        absorb=h * turned * (e + v),
    )
