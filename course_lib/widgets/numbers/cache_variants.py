"""The kinds of attention that figure 8 compares in one model, and the accelerators whose memory it shows."""

from typing import NamedTuple

from course_lib.accounting import Model
from course_lib.accounting.models import Config
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import left_behind

GROUPS = 8  # KV heads of grouped attention where the model has none of its own: Llama 2 70B, Llama 3 and many others
LOCAL_WINDOW = 1024  # Gemma 3: five of six layers see this many tokens (arXiv 2503.19786, section 2)


class Accelerator(NamedTuple):
    """An accelerator, its memory, and the source of that number."""

    name: str
    memory: int  # bytes; data sheets count in powers of 1000
    source: str


ACCELERATORS = (
    Accelerator(
        "RTX 4090",
        24 * 10**9,
        "24 GB GDDR6X: https://www.pugetsystems.com/parts/Video-Card/NVIDIA-GeForce-RTX-4090-24GB-14644/",
    ),
    Accelerator("H100", 80 * 10**9, "80 GB: https://docs.nvidia.com/launchpad/ai/h100-mig/latest/h100-mig-gpu.html"),
    Accelerator(
        "MI300X",
        192 * 10**9,
        "192 GB: https://www.tomshardware.com/pc-components/cpus/amd-unveils-instinct-mi300x-gpu-and-mi300a-apu-claims-"
        "up-to-16x-lead-over-nvidias-competing-gpus",
    ),
    Accelerator("8 H100", 8 * 80 * 10**9, "eight of the above in one machine"),
)


class Variant(NamedTuple):
    """A model with one kind of attention: its own, or another one in its layers."""

    kind: str
    model: Model
    published: bool  # whether these are the sizes that the model has


def variants(model: Model) -> list[Variant]:
    """A model with MHA, GQA, MQA, MLA and GQA with windows: as many layers and heads, and its own sizes if it has them.

    A kind that the model lacks gets these sizes. Grouped attention: see `groups`. Latent attention: d_L = 4 d_head and
    d_R = d_head / 2, the rule of DeepSeek-V2 (arXiv 2405.04434, table 1). Windows: LOCAL_WINDOW tokens in five of six
    layers. A model with a window in any layer is of the kind "windows".
    """
    own = [config for _, config in model.layers]
    kind = "windows" if any(config.window is not None for config in own) else left_behind.method(own[0])
    full = next((config for config in own if config.window is None), own[-1])
    made = {
        "MHA": [(model.n_layers, grouped(full, full.n_heads))],
        "GQA": [(model.n_layers, grouped(full, groups(full)))],
        "MQA": [(model.n_layers, grouped(full, 1))],
        "MLA": [(model.n_layers, latent(full))],
        "windows": with_windows(model.n_layers, full),
    }
    made[kind] = list(model.layers)
    return [Variant(name, Model(model.name, tuple(layers)), name == kind) for name, layers in made.items()]


def groups(config: Config) -> int:
    """The number of KV heads of the grouped variant: the model's own, if it has grouped attention.

    Else GROUPS, if that is a proper divisor of the number of query heads; else half of them, or 1 if they are odd.
    """
    h = config.n_heads
    if isinstance(config, GroupedConfig) and 1 < config.n_kv_heads < h:
        return config.n_kv_heads
    if h > GROUPS and h % GROUPS == 0:
        return GROUPS
    return h // 2 if h % 2 == 0 else 1


def grouped(config: Config, n_kv_heads: int, window: int | None = None) -> GroupedConfig:
    """The layer with grouped attention and so many KV heads."""
    return GroupedConfig(
        d_model=config.d_model, n_heads=config.n_heads, n_kv_heads=n_kv_heads, d_head=config.d_head, window=window
    )


def latent(config: Config) -> LatentConfig:
    """The layer with latent attention, with its own sizes or those of DeepSeek-V2's rule, d_R rounded down to even."""
    if isinstance(config, LatentConfig):
        sizes = {"d_latent": config.d_latent, "d_rope": config.d_rope}
    else:
        sizes = {"d_latent": 4 * config.d_head, "d_rope": 2 * (config.d_head // 4)}
    return LatentConfig(d_model=config.d_model, n_heads=config.n_heads, d_head=config.d_head, **sizes)


def with_windows(n_layers: int, config: Config) -> list[tuple[int, GroupedConfig]]:
    """The layers with grouped attention and a window in five of six of them, as (count, config)."""
    n_global = max(1, n_layers // 6)
    local = [(n_layers - n_global, grouped(config, groups(config), LOCAL_WINDOW))] if n_layers > n_global else []
    return [*local, (n_global, grouped(config, groups(config)))]


def row_formula(config: Config) -> str:
    """The numbers that one token leaves in a layer, as a formula: "8 KV heads × (128 + 128)", "(512 + 64)"."""
    if isinstance(config, LatentConfig):
        return f"({config.d_latent} + {config.d_rope})"
    return f"{heads(config)} × ({config.d_qk} + {config.d_value})"


def heads(config: Config) -> str:
    """The size of a layer's cached row in words: "8 KV heads", "512 + 64 numbers"."""
    if isinstance(config, LatentConfig):
        return f"{config.d_latent} + {config.d_rope} numbers"
    return f"{config.n_kv_heads} KV head{'s' if config.n_kv_heads > 1 else ''}"


def describe(variant: Variant) -> str:
    """A short name with the sizes that set it apart: "GQA, 8 KV heads", "windows in 52 of 62 layers"."""
    layers = variant.model.layers
    local = [(count, config) for count, config in layers if config.window is not None]
    if variant.kind != "windows" or not local:
        return f"{variant.kind}, {heads(layers[0][1])}"
    count, of = sum(count for count, _ in local), variant.model.n_layers
    return f"windows in {count} of {of} layers"
