"""Read rotary positions from config.json. Where keys contradict each other, the rules are those of transformers 5:

- the object `rope_scaling` wins over the object `rope_parameters`, unless it is empty;
- in that object `rope_type` wins over `type`;
- `rope_theta` in the object wins over `rope_theta` outside;
- `original_max_position_embeddings` outside wins over the one in the object.
"""

from course_lib.config import DynamicRope, Llama3Rope, Rope, require
from course_lib.models.pretrained.settings import Settings

TYPES = ("default", "linear", "dynamic", "llama3")
MISSING = {
    "yarn": "YaRN mixes two scalings and makes the logits larger",
    "longrope": "LongRoPE has a factor for each pair, in two sets",
    "su": "LongRoPE, as this is called today, has a factor for each pair, in two sets",
    "proportional": "here every pair is turned",
    "axial": "here a position is one number",
    "mrope": "here a position is one number",
}
# Each type reads the keys that it needs; like transformers we ignore those of other types.
WITHOUT_EFFECT = """
    attention_factor beta_fast beta_slow factor high_freq_factor long_factor low_freq_factor mscale mscale_all_dim
    original_max_position_embeddings rope_theta short_factor truncate type
"""


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


def rope_type(inner: Settings) -> str:
    """The kind of scaling, one of TYPES. Raises ValueError for another one."""
    kind = inner.find("rope_type", inner.find("type", "default"))
    missing = MISSING.get(kind, "others are not known here") if isinstance(kind, str) else "it is a name"
    require(
        kind in TYPES,
        f"{inner.where}rope_type in config.json must be one of {', '.join(TYPES)}, got {kind!r}: {missing}",
    )
    return kind


def rope(settings: Settings) -> Rope:
    """The rotary positions of all layers. Raises ValueError for settings that the course's models lack."""
    inner = rope_settings(settings)
    kind = rope_type(inner)
    for place in (inner, settings):
        place.must_be("partial_rotary_factor", 1.0, "partial rotation is missing, here every pair is turned")
    longest = settings.integer("max_position_embeddings")
    inner.ignore(WITHOUT_EFFECT)
    inner.require_known()
    base = inner.number("rope_theta", 10_000.0, above=1)
    if kind == "default":
        return Rope(base=base)
    factor = inner.number("factor", above=0)
    if kind == "linear":
        return Rope(base=base, factor=factor)
    if kind == "dynamic":
        return DynamicRope(base=base, factor=factor, length=longest)
    low = inner.number("low_freq_factor", above=0)
    high = inner.number("high_freq_factor", above=low)
    original = inner.integer("original_max_position_embeddings", longest)
    return Llama3Rope(base=base, factor=factor, length=original, low=low, high=high)
