"""What the ways to give latent attention positions cost: numbers in the cache, decoding, and prefill.

Each scheme has two forms of the layer, a `Reading` each: one for decoding, one for prefill. Conventions: see `work`.
"""

from dataclasses import dataclass, replace

from course_lib.accounting.readings import Reading, absorbed, expanded
from course_lib.accounting.work import decode, prefill
from course_lib.config import LatentConfig, require


@dataclass(frozen=True)
class Scheme:
    """One way to give positions, with the layer's form in decoding and in prefill, and the size of a cached row."""

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
    """The schemes of notebook 09 at the sizes of `config`, whose d_rope is p wherever a scheme has a p.

    Raises ValueError without rotary coordinates, and for more of them than the latent has.
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
    """Keys are made and turned at every step; the values are absorbed still."""
    made, h, r = expanded(config), config.n_heads, config.d_latent
    row = h * config.d_head + r  # read per token: the keys, and the latent row as value
    return replace(made, d_value=r, floats_per_row=row, expand=h * r * config.d_head, absorb=h * r * config.d_value)


def partly_rotary(config: LatentConfig, turned: int) -> Reading:
    """Expanded, heads e + p and v + p wide: p = turned coordinates of the row go into each head as they are."""
    h, e, v = config.n_heads, config.d_head, config.d_value
    return replace(
        expanded(config),
        d_key=e + turned,
        d_value=v + turned,
        floats_per_row=h * (e + v + 2 * turned),
        expand=h * (config.d_latent - turned) * (e + v),
        absorb=h * turned * (e + v),
    )
