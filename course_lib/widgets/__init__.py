"""Interactive figures: each runs in JupyterLab, in a self-contained page without network, and has a static twin."""

from course_lib.widgets.attention_map import AttentionMap

__all__ = ["AttentionMap"]
