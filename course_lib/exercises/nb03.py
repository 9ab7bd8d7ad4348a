"""Exercises of notebook 03: heads as slices, heads in one product, what W_O does, ranks, sizes."""

from course_lib.exercises.heads import MULTI_HEAD, SPLIT
from course_lib.exercises.outputs import CONTRIBUTIONS, RANKS, SIZES

EXERCISES = (SPLIT, MULTI_HEAD, CONTRIBUTIONS, RANKS, SIZES)
