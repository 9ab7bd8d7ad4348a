"""Read rotary positions from config.json. Where keys contradict each other, the rules are those of transformers 5:

- the object `rope_scaling` wins over the object `rope_parameters`, unless it is empty;
- in that object `rope_type` wins over `type`;
- `rope_theta` in the object wins over `rope_theta` outside;
- `original_max_position_embeddings` outside wins over the one in the object.
"""

import math

from course_lib.config import DynamicRope, Llama3Rope, LongRope, Rope, YarnRope, require
from course_lib.models.pretrained.settings import Settings
from course_lib.models.pretrained.windows import WHOLE, WINDOWED
from course_lib.rope import yarn_amplitude

# Kind of layer in Gemma 3: the key outside that states the base, and its default.
BASES = {WHOLE: ("rope_theta", 1_000_000.0), WINDOWED: ("rope_local_base_freq", 10_000.0)}
MISSING = {
    "su": "this is called longrope today",
    "proportional": "here every pair is turned",
    "axial": "here a position is one number",
    "mrope": "here a position is one number",
}
# Each type reads the keys that it needs; like transformers we ignore those of other types.
WITHOUT_EFFECT = """
    attention_factor beta_fast beta_slow factor high_freq_factor long_factor low_freq_factor mscale mscale_all_dim
    original_max_position_embeddings rope_theta short_factor truncate type
"""


def rope(settings: Settings) -> Rope:
    """The rotary positions of all layers. Raises ValueError for settings that the course's models lack."""
    return read_rope(rope_settings(settings), settings)


def rope_settings(settings: Settings) -> Settings:
    """The object that transformers reads, with the keys outside of it that it takes into account."""
    stated = {key: settings.find(key, {}) for key in ("rope_scaling", "rope_parameters")}
    for key, value in stated.items():
        require(isinstance(value, dict), f"{key} in config.json must be an object, got {value!r}")
    name = "rope_scaling" if stated["rope_scaling"] else "rope_parameters"
    nested = [key for key, value in stated[name].items() if isinstance(value, dict)]
    require(not nested, f"{name} in config.json must be the same for all layers, got some of its own for {nested}")
    values = {"rope_theta": settings.find("rope_theta")} | stated[name]
    original = settings.find("original_max_position_embeddings")
    return Settings(values if original is None else values | {"original_max_position_embeddings": original}, f"{name}.")


def read_rope(inner: Settings, settings: Settings, base: float = 10_000.0, longest: int | None = None) -> Rope:
    """The rotary positions that the object `inner` in config.json describes.

    base, longest: the defaults of rope_theta and of max_position_embeddings.
    """
    kind = rope_type(inner)
    for place in (inner, settings):
        place.must_be("partial_rotary_factor", 1.0, "partial rotation is missing here, every pair is turned")
    longest = settings.integer("max_position_embeddings", longest)
    inner.ignore(WITHOUT_EFFECT)
    inner.require_known()
    return READERS[kind](inner, inner.number("rope_theta", base, above=1), longest)


def ropes_by_kind(settings: Settings) -> dict[str, Rope]:
    """The rotary positions of Gemma 3's two kinds of layers, by their names in layer_types.

    Here `rope_scaling` is written over the entry for full_attention in `rope_parameters`. There is no text of a
    length of its own: `original_max_position_embeddings` is looked up in each entry alone.
    """
    parameters, scaling = settings.find("rope_parameters", {}), settings.find("rope_scaling", {})
    for key, value in {"rope_parameters": parameters, "rope_scaling": scaling}.items():
        require(isinstance(value, dict), f"{key} in config.json must be an object, got {value!r}")
    wrong = [key for key in parameters if key not in BASES]
    require(not wrong, f"rope_parameters in config.json must have an object for each of {list(BASES)}, got {wrong}")
    old = "type" in scaling and "rope_type" not in scaling
    require(not old, "rope_scaling.type in config.json must be called rope_type: transformers 5 ignores it in Gemma 3")
    found = {}
    for kind, (key, base) in BASES.items():
        stated = {"rope_theta": settings.find(key)} | (parameters.get(kind) or {})
        inner = Settings(stated | (scaling if kind == WHOLE else {}), f"rope_parameters.{kind}.")
        inner.must_be("truncate", True, "transformers reads it only where all layers have the same positions")
        found[kind] = read_rope(inner, settings, base, longest=131_072)
    return found


def rope_type(inner: Settings) -> str:
    """The kind of scaling, one of READERS. Raises ValueError for another one."""
    kind = inner.find("rope_type", inner.find("type", "default"))
    missing = MISSING.get(kind, "others are not known here") if isinstance(kind, str) else "it is a name"
    require(
        isinstance(kind, str) and kind in READERS,
        f"{inner.where}rope_type in config.json must be one of {', '.join(READERS)}, got {kind!r}: {missing}",
    )
    return kind


def plain(inner: Settings, base: float, longest: int) -> Rope:
    """No scaling."""
    return Rope(base=base)


def linear(inner: Settings, base: float, longest: int) -> Rope:
    return Rope(base=base, factor=inner.number("factor", above=0))


def dynamic(inner: Settings, base: float, longest: int) -> DynamicRope:
    return DynamicRope(base=base, factor=inner.number("factor", above=0), length=longest)


def llama3(inner: Settings, base: float, longest: int) -> Llama3Rope:
    factor, low = inner.number("factor", above=0), inner.number("low_freq_factor", above=0)
    high = inner.number("high_freq_factor", above=low)
    original = inner.integer("original_max_position_embeddings", longest)
    return Llama3Rope(base=base, factor=factor, length=original, low=low, high=high)


def yarn(inner: Settings, base: float, longest: int) -> YarnRope:
    low = inner.number("beta_slow", 1.0, above=0)
    high = inner.number("beta_fast", 32.0, above=low)
    original = inner.integer("original_max_position_embeddings", longest, least=int(2 * math.pi * low) + 1)
    factor = longest / original if inner.is_null("factor") else inner.number("factor", above=0)
    shares = [inner.number(key, 0.0) for key in ("mscale", "mscale_all_dim")]
    usual = yarn_amplitude(factor)
    if all(shares):
        usual = yarn_amplitude(factor, shares[0]) / yarn_amplitude(factor, shares[1])
    amplitude = inner.number("attention_factor", usual, above=0)
    whole = inner.flag("truncate", True) and not inner.is_null("truncate")
    return YarnRope(base=base, factor=factor, length=original, low=low, high=high, whole=whole, amplitude=amplitude)


def longrope(inner: Settings, base: float, longest: int) -> LongRope:
    original = inner.integer("original_max_position_embeddings", longest, least=2)
    factor = inner.number("factor", longest / original, above=0)
    amplitude = inner.number("attention_factor", above=0) if inner.find("attention_factor") is not None else None
    factors = {name: inner.numbers(f"{name}_factor", above=0) for name in ("short", "long")}
    return LongRope(base=base, factor=factor, length=original, amplitude=amplitude, **factors)


READERS = {
    "default": plain, "linear": linear, "dynamic": dynamic, "llama3": llama3, "yarn": yarn, "longrope": longrope
}  # fmt: skip


def longest_text(rope: Rope, stated: int) -> int:
    """How many tokens a text may have. Some files state this, some the length before positions are stretched."""
    if isinstance(rope, YarnRope | LongRope):
        return max(stated, int(rope.factor * rope.length))
    return stated if isinstance(rope, Llama3Rope) else int(max(rope.factor, 1.0) * stated)
