"""Say what a checkpoint is, from its config.json and the headers of its files: no weight is read.

for label, text in look("folder/with/config.json"):
    print(label, text)
"""

import math
from collections import Counter
from pathlib import Path

from course_lib.accounting import Model, in_binary_units, in_decimal_units, model_parameters
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.experts_config import ROUTING
from course_lib.models.decoder import DecoderModel
from course_lib.models.pretrained.files import find_tensors
from course_lib.models.pretrained.loading import match, read_settings, recognise
from course_lib.models.pretrained.rules import Family
from course_lib.rope import KINDS

Attention = GroupedConfig | LatentConfig
NUMBER = 2  # bytes of a number in bfloat16
SEEN = 128  # tokens that notebook 06 needs in a window


def look(folder: str | Path) -> list[tuple[str, str]]:
    """Labels and texts: model, attention, positions, cache, parameters, files, and what notebooks can show.

    Weights need not be there. Raises ValueError for what `pretrained.load` refuses, before it would read a weight.
    """
    settings, tokenizer = read_settings(Path(folder)), Path(folder) / "tokenizer.json"
    family, files = stored(Path(folder), recognise(settings))
    config, kind = family.config, family.model.__name__
    return [
        ("model", f"{settings.get('model_type')}: a {kind} of {config.n_layers} layers, width {config.d_model:,}"),
        *(("attention", attention_text(count, each)) for count, each in config.attention_counts),
        *(("positions", text) for text in dict.fromkeys(positions_texts(config))),
        *experts_rows(config),
        *cache_rows(family),
        ("parameters", parameters_text(family)),
        ("files", files),
        ("tokenizer", "yes" if tokenizer.is_file() else "none: the notebooks need tokenizer.json"),
        *notebook_rows(family),
    ]


def stored(folder: Path, family: Family) -> tuple[Family, str]:
    """The family of the files in a folder, after their headers were checked, and what is there."""
    if not any(folder.glob("*.safetensors")):
        return family, "none here"
    tensors = find_tensors(folder)
    family = family.of_file(tensors)
    match(family, tensors)
    types, paths = Counter(each.dtype for each in tensors.values()), {each.path for each in tensors.values()}
    return family, f"{len(paths)} with {len(tensors)} tensors of type {', '.join(types)}"


def attention_text(count: int, attention: Attention) -> str:
    """The kind of attention of some layers, its heads and its window."""
    h, window = attention.n_heads, "" if attention.window is None else f", window of {attention.window:,} tokens"
    if isinstance(attention, LatentConfig):
        queries = "" if attention.d_latent_q is None else f", query latent of {attention.d_latent_q:,}"
        heads = f"latent, {h} heads, latent row of {attention.d_latent:,} and rotary key of {attention.d_rope}{queries}"
    else:
        g = attention.n_kv_heads
        kind = "multi-head" if g == h else "multi-query" if g == 1 else "grouped-query"
        heads = f"{kind}, {h} query heads on {g} key/value heads of width {attention.d_head}"
    return f"{count} layers: {heads}{window}"


def positions_texts(config: ModelConfig) -> list[str]:
    """How positions enter, for each kind of layer, with the longest text."""
    longest = "" if config.max_length is None else f"; texts of up to {config.max_length:,} tokens"
    texts = [rope_text(each.rope) for _, each in config.attention_counts if each.rope is not None]
    return [text + longest for text in texts or [config.positions]]


def rope_text(rope: Rope) -> str:
    """The base of rotary positions, and their scaling if they have one."""
    kind = next(name for name, known in KINDS.items() if known is type(rope))
    scaled = "" if type(rope) is Rope and rope.factor == 1 else f", scaled as {kind} by {rope.factor:g}"
    return f"rotary, base {rope.base:,.0f}{scaled}"


def experts_rows(config: ModelConfig) -> list[tuple[str, str]]:
    """How many experts a token passes in each layer of a mixture; no row without one."""
    mixed = config.experts
    if mixed is None:
        return []
    groups = "" if mixed.groups == 1 else f", from {mixed.chosen_groups} of {mixed.groups} groups"
    scored = next(name for name, kind in ROUTING.items() if kind is type(mixed))
    shared = f"; {mixed.shared} more for every token" if mixed.shared else ""
    chosen = f"{mixed.chosen} of {mixed.routed} of width {mixed.d_ff:,}{groups}, scored by {scored}{shared}"
    return [("experts", f"{config.n_layers - mixed.first} layers: {chosen}")]


def cache_rows(family: Family) -> list[tuple[str, str]]:
    """Bytes that a token leaves in the caches, with the formula; with windows, also those of the longest text."""
    if family.model is not DecoderModel:
        return [("cache", "none: a token also sees those after it, so each further token changes all rows")]
    counts, longest = family.config.attention_counts, family.config.max_length
    counted = Model("looked at", counts)
    terms = " + ".join(f"{count} layers x {numbers_text(each)}" for count, each in counts)
    terms = f"({terms})" if len(counts) > 1 else terms
    rows = [("cache", f"{counted.bytes_per_token():,} bytes per token in bfloat16 = {terms} x {NUMBER} bytes")]
    whole, held = counted.cache_bytes_without_windows(longest), counted.cache_bytes(longest)
    if held < whole:
        sizes = f"{in_binary_units(held)} at {longest:,} tokens, {in_binary_units(whole)} without windows"
        rows.append(("", sizes))
    return rows


def numbers_text(attention: Attention) -> str:
    """The numbers that a token leaves in a layer, as a product or sum."""
    if isinstance(attention, LatentConfig):
        return f"({attention.d_latent} + {attention.d_rope})"
    return f"{attention.n_kv_heads} heads x ({attention.d_qk} + {attention.d_value})"


def parameters_text(family: Family) -> str:
    """Their number in the file, without copies and without what takes no part in the logits."""
    count = sum(math.prod(shape) for rule in family.rules for shape in rule.sources.values())
    half, single = (in_decimal_units(size * count) for size in (2, 4))
    active = f"; a token uses {model_parameters(family.config).active:,}" if family.config.experts else ""
    return f"{count:,}: {half} in bfloat16, {single} in float32{active}"


def unmet_need(config: ModelConfig) -> str | None:
    """What notebook 06 needs and a decoder with this config has not, or None."""
    windows = [each.window for each in config.attentions if each.window]
    if not isinstance(config.attention, GroupedConfig):
        return "keys and values of heads, and these are latent"
    return f"windows of at least {SEEN} tokens" if windows and min(windows) < SEEN else None


def notebook_rows(family: Family) -> list[tuple[str, str]]:
    """What the notebooks that take a checkpoint can show of this one."""
    if family.model is not DecoderModel:
        return [("notebooks", "none: those that take a checkpoint need a decoder")]
    attention, need = family.config.attention, unmet_need(family.config)
    grouped = isinstance(attention, GroupedConfig)
    alone = grouped and attention.n_kv_heads == attention.n_heads > 1 and family.config.local is None
    return [
        ("notebook 03", "yes: what single heads do"),
        ("notebook 06", f"no: it needs {need}" if need else "yes: generation with and without a cache"),
        ("notebook 07", "yes: fewer key/value heads" if alone else "no: it needs a key/value head for each query head"),
    ]
