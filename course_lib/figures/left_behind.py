"""What one token leaves in the cache of one layer, to scale: keys and values of heads, or a latent and a rotary key."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.figures import motifs, style
from course_lib.figures.blocks import block, key

WIDTH, HEIGHT, STEP = 4.6, 0.34, 0.55  # inches of the longest row, of each row, and from row to row
ROOM, FINE = 0.21, 0.08  # inches that a letter needs, and below which a frame is drawn thin
NAMES = {"K": "$K$: keys", "V": "$V$: values", "L": "$L$: latent", "K_R": "$K_R$: rotary key"}


def method(config: GroupedConfig | LatentConfig) -> str:
    """MHA, GQA, MQA or MLA: the config's name in `motifs.METHODS`."""
    if isinstance(config, LatentConfig):
        return "MLA"
    return motifs.method(config.n_heads, config.n_kv_heads)


def parts(config: GroupedConfig | LatentConfig) -> list[tuple[str, int]]:
    """Name and width of each row that a token leaves: K and V of each KV head, or L and, if there is one, K_R."""
    if isinstance(config, LatentConfig):
        return [("L", config.d_latent)] + [("K_R", config.d_rope)] * (config.d_rope > 0)
    return [("K", config.d_qk)] * config.n_kv_heads + [("V", config.d_value)] * config.n_kv_heads


def account(config: GroupedConfig | LatentConfig) -> str:
    """How many numbers a token leaves, as a sum: 2 (32 + 32) = 128."""
    if isinstance(config, LatentConfig):
        inside = f"{config.d_latent} + {config.d_rope}" if config.d_rope else f"{config.d_latent}"
        return f"{inside} = {config.floats_per_token:,}" if config.d_rope else inside
    return f"{config.n_kv_heads} ({config.d_qk} + {config.d_value}) = {config.floats_per_token:,}"


def left_behind(configs: Sequence[GroupedConfig | LatentConfig]) -> Figure:
    """Draw what one token leaves in the cache of each config: blocks to scale, and their numbers added up beside them.

        left_behind([GroupedConfig(d_model=128, n_heads=8, n_kv_heads=g) for g in (8, 2, 1)])

    Raises ValueError for no configs.
    """
    require(len(configs) > 0, "configs must hold at least one config, got none")
    return strip([(method(config), method(config), config) for config in configs])


def strip(rows: Sequence[tuple[str, str, GroupedConfig | LatentConfig]]) -> Figure:
    """Draw a row of blocks to scale for each (name, method, config), with the name in the colour of the method."""
    inches = WIDTH / max(config.floats_per_token for *_, config in rows)
    height, indent = STEP * len(rows), 0.25 + max(len(name) for name, *_ in rows) * 0.115
    with style.context():
        fig = Figure(figsize=(indent + WIDTH + 2.1, height + 0.5), layout="none")
        ax = fig.add_axes((0, 0.4 / (height + 0.5), 1, (height + 0.1) / (height + 0.5)))
        for row, (name, of, config) in enumerate(rows):
            y = height - STEP * row - 0.45
            look = {"fontsize": 11, "weight": "bold", "color": motifs.METHODS[of].light}
            ax.text(0.1, y + HEIGHT / 2, name, va="center", **look)
            end = draw_blocks(ax, (indent, y), config, inches)
            ax.text(end + 0.1, y + HEIGHT / 2, account(config), va="center", fontsize=10)
        ax.set(xlim=(0, fig.get_figwidth()), ylim=(0, height + 0.1))
        ax.set_axis_off()
        drawn = {name for *_, config in rows for name, _ in parts(config)}
        fig.legend(handles=[key(text, **looks(name)) for name, text in NAMES.items() if name in drawn],
                   loc="lower center", ncols=4, handlelength=1.6, handleheight=1.1)  # fmt: skip
    return fig


def looks(name: str) -> dict:
    """How a part is drawn: a rotary key is a key, hatched."""
    return {"thing": name[0], "rotary": name == "K_R"}


def draw_blocks(ax: Axes, corner: tuple[float, float], config: GroupedConfig | LatentConfig, inches: float) -> float:
    """Draw blocks from left to right, `inches` wide for each number. Returns where the last one ends."""
    x, y = corner
    for name, width in parts(config):
        size = inches * width
        label = f"${name}$" if size >= ROOM else ""
        patch = block(ax, (x, y), (size, HEIGHT), label, **looks(name))
        if size < FINE:
            patch.set_linewidth(0.5)
        x += size
    return x
