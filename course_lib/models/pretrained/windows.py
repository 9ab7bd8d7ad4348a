"""Read the attention window from config.json: its width, or None without a window, and which layers have it."""

from course_lib.config import require
from course_lib.models.pretrained.settings import Settings

WHOLE, WINDOWED = "full_attention", "sliding_attention"
LAYERS = "layer_types in config.json, or those that max_window_layers gives,"


def no_window(settings: Settings) -> None:
    """No window: every token sees all tokens before it."""


def mistral_window(settings: Settings) -> int | None:
    """The window of sliding_window. transformers reads layer_types as Ministral's, whose layers may differ."""
    width, n_layers = stated_window(settings), settings.integer("num_hidden_layers")
    kind = WHOLE if width is None else WINDOWED
    settings.must_be("layer_types", [kind] * n_layers, f"every layer has the window {width}")
    return width


def qwen_window(settings: Settings) -> int | None:
    """The window of sliding_window, if use_sliding_window is true and layer_types or max_window_layers give it."""
    width, n_layers = stated_window(settings), settings.integer("num_hidden_layers")
    whole = settings.integer("max_window_layers", 28, least=0)  # the number of first layers that see everything
    if not settings.flag("use_sliding_window", False):
        width = None
    kinds = settings.find("layer_types", [WHOLE if width is None or i < whole else WINDOWED for i in range(n_layers)])
    good = isinstance(kinds, list) and len(kinds) == n_layers and kinds == kinds[:1] * n_layers
    require(good, f"{LAYERS} must be the same for all of {n_layers} layers, got {kinds!r}")
    allowed = [WHOLE] if width is None else [WHOLE, WINDOWED]
    require(kinds[0] in allowed, f"{LAYERS} must be {' or '.join(allowed)} with a window of {width}, got {kinds[0]!r}")
    return width if kinds[0] == WINDOWED else None


def local_layers(settings: Settings, n_layers: int) -> tuple[int, ...]:
    """The numbers of Gemma's layers with a window: as layer_types says, or all but every sliding_window_pattern-th."""
    pattern = settings.integer("sliding_window_pattern", 6)
    usual = [WINDOWED if (i + 1) % pattern else WHOLE for i in range(n_layers)]
    kinds = settings.find("layer_types", usual)
    good = isinstance(kinds, list) and len(kinds) == n_layers and all(kind in (WHOLE, WINDOWED) for kind in kinds)
    require(
        good, f"layer_types in config.json must be {WHOLE} or {WINDOWED} for each of {n_layers} layers, got {kinds!r}"
    )
    return tuple(i for i, kind in enumerate(kinds) if kind == WINDOWED)


def stated_window(settings: Settings) -> int | None:
    """The width in sliding_window; null means no window."""
    return None if settings.is_null("sliding_window") else settings.integer("sliding_window", 4096)
