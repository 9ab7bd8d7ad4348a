"""The site's colours, for Furo's variables: those of the figures, so that a figure stands on the page's own ground."""

from course_lib.figures.motifs import METHODS, THINGS

LIGHT = {"text": "#1f2933", "muted": "#56616d", "ground": "#ffffff", "raised": "#f1f4f7", "faint": "#dfe4ea"}
DARK = {"text": "#e6eaef", "muted": "#aab4bf", "ground": "#14181d", "raised": "#222931", "faint": "#38424d"}
FURO = {
    "text": ("color-foreground-primary",),
    "muted": ("color-foreground-secondary", "color-foreground-muted"),
    "ground": ("color-background-primary",),
    "raised": ("color-background-secondary", "color-code-background", "color-sidebar-background"),
    "faint": ("color-background-border", "color-sidebar-background-border"),
    "motif-L": ("color-brand-primary", "color-brand-content", "color-brand-visited", "color-api-name"),
}
FONTS = {"font-stack": '"Source Sans 3", sans-serif', "font-stack--monospace": '"Source Code Pro", monospace'}


def variables(theme: str) -> dict[str, str]:
    """The variables of a theme, "light" or "dark", without their leading hyphens: Furo's, and one for each motif."""
    motifs = {f"motif-{name}": getattr(colour, theme) for name, colour in (THINGS | METHODS).items()}
    colours = motifs | {"light": LIGHT, "dark": DARK}[theme]
    return FONTS | motifs | {name: colours[kind] for kind, names in FURO.items() for name in names}


def in_theme(html: str) -> str:
    """The HTML of a formula with each motif in the theme's colour, not in the one that suits light and dark."""
    for name, colour in (THINGS | METHODS).items():
        html = html.replace(f"color:{colour.either};", f"color:var(--motif-{name});")
    return html
