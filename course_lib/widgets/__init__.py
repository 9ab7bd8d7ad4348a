"""Interactive figures: each runs in JupyterLab, in a self-contained page without network, and has a static twin.

The twin is a still picture of the figure. FIGURES lists all figures for their common tests and measurements. LiveCurves
is none of them: it shows the losses of a training run while it trains, and leaves a still picture behind.
"""

from course_lib.widgets.absorption_steps import AbsorptionSteps
from course_lib.widgets.arm_comparison import ArmComparison
from course_lib.widgets.attention_map import AttentionMap
from course_lib.widgets.cache_growth import CacheGrowth
from course_lib.widgets.decode_stepper import DecodeStepper
from course_lib.widgets.error_against_cost import ErrorAgainstCost
from course_lib.widgets.head_ablation import HeadAblation
from course_lib.widgets.head_gallery import HeadGallery
from course_lib.widgets.head_sharing import HeadSharing
from course_lib.widgets.latent_ranks import LatentRanks
from course_lib.widgets.live_curves import LiveCurves
from course_lib.widgets.low_rank_heads import LowRankHeads
from course_lib.widgets.merge_steps import MergeSteps
from course_lib.widgets.roofline import Roofline
from course_lib.widgets.rotary_clocks import RotaryClocks
from course_lib.widgets.score_anatomy import ScoreAnatomy
from course_lib.widgets.softmax_temperature import SoftmaxTemperature

FIGURES = (
    AbsorptionSteps,
    ArmComparison,
    AttentionMap,
    CacheGrowth,
    DecodeStepper,
    ErrorAgainstCost,
    HeadAblation,
    HeadGallery,
    HeadSharing,
    LatentRanks,
    LowRankHeads,
    MergeSteps,
    Roofline,
    RotaryClocks,
    ScoreAnatomy,
    SoftmaxTemperature,
)

__all__ = [
    "FIGURES",
    "AbsorptionSteps",
    "ArmComparison",
    "AttentionMap",
    "CacheGrowth",
    "DecodeStepper",
    "ErrorAgainstCost",
    "HeadAblation",
    "HeadGallery",
    "HeadSharing",
    "LatentRanks",
    "LiveCurves",
    "LowRankHeads",
    "MergeSteps",
    "Roofline",
    "RotaryClocks",
    "ScoreAnatomy",
    "SoftmaxTemperature",
]
