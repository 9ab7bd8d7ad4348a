"""Exercises of notebook 05: norms, gates, the residual stream, a decoder block, beam search, sizes by part."""

from course_lib.exercises.beams import BEAMS
from course_lib.exercises.decoder_block import BLOCK
from course_lib.exercises.gating import SWIGLU
from course_lib.exercises.layer_sizes import SIZES
from course_lib.exercises.normalising import LAYER_NORM, PLACE
from course_lib.exercises.stream import LOGIT

EXERCISES = (LAYER_NORM, SWIGLU, LOGIT, PLACE, BLOCK, BEAMS, SIZES)
