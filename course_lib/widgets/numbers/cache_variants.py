"""One model with other attention: what figure 8 compares; and the memory of accelerators that it is held against."""

from typing import NamedTuple

from course_lib.accounting import Model
from course_lib.accounting.models import Config
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import left_behind

GROUPS = 8  # KV heads of grouped attention where the model has none of its own: Llama 2 70B, Llama 3 and many others
LOCAL_WINDOW = 1024  # Gemma 3: five of six layers see this many tokens (arXiv 2503.19786, section 2)


class Accelerator(NamedTuple):
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
    """A kind of attention as a model has it or would have it."""

    kind: str
    model: Model
    published: bool  # whether these are the sizes that the model has


def variants(model: Model) -> list[Variant]:
    """MHA, GQA, MQA, MLA and GQA with windows, at this model's layers and heads; its own sizes where it has the kind.

    Where it has not: grouped attention gets GROUPS KV heads, or half the query heads where these are no multiple of
    more than GROUPS; latent attention d_L = 4 d_head and d_R = d_head / 2, the rule of DeepSeek-V2 (arXiv 2405.04434,
    table 1); windows of LOCAL_WINDOW tokens are in five of six layers. A model with a window anywhere is of that kind.
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
    """KV heads of the grouped variant."""
    h = config.n_heads
    if isinstance(config, GroupedConfig) and 1 < config.n_kv_heads < h:
        return config.n_kv_heads
    if h > GROUPS and h % GROUPS == 0:
        return GROUPS
    return h // 2 if h % 2 == 0 else 1


def grouped(config: Config, n_kv_heads: int, window: int | None = None) -> GroupedConfig:
    return GroupedConfig(
        d_model=config.d_model, n_heads=config.n_heads, n_kv_heads=n_kv_heads, d_head=config.d_head, window=window
    )


def latent(config: Config) -> LatentConfig:
    """A latent model's own; else by the rule of DeepSeek-V2, with an even number of rotary coordinates."""
    if isinstance(config, LatentConfig):
        sizes = {"d_latent": config.d_latent, "d_rope": config.d_rope}
    else:
        sizes = {"d_latent": 4 * config.d_head, "d_rope": 2 * (config.d_head // 4)}
    return LatentConfig(d_model=config.d_model, n_heads=config.n_heads, d_head=config.d_head, **sizes)


def with_windows(n_layers: int, config: Config) -> list[tuple[int, GroupedConfig]]:
    """Grouped attention, with a window in five of six layers."""
    n_global = max(1, n_layers // 6)
    local = [(n_layers - n_global, grouped(config, groups(config), LOCAL_WINDOW))] if n_layers > n_global else []
    return [*local, (n_global, grouped(config, groups(config)))]


def row_formula(config: Config) -> str:
    """What one token leaves in a layer, as a formula with its numbers: "8 KV heads × (128 + 128)"."""
    if isinstance(config, LatentConfig):
        return f"({config.d_latent} + {config.d_rope})"
    return f"{heads(config)} × ({config.d_qk} + {config.d_value})"


def heads(config: Config) -> str:
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
