"""Interactive figures: each runs in JupyterLab, in a self-contained page without network, and has a static twin.

LiveCurves follows a training run, and leaves a still picture behind.
"""

from course_lib.widgets.attention_map import AttentionMap
from course_lib.widgets.live_curves import LiveCurves

__all__ = ["AttentionMap", "LiveCurves"]
