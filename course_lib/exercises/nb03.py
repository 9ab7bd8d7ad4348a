"""Exercises of notebook 03: heads as slices and in one product, what W_O does, ranks, sizes, what heads look for."""

from course_lib.exercises.head_scores import INDUCTION, PREVIOUS
from course_lib.exercises.heads import MULTI_HEAD, SPLIT
from course_lib.exercises.outputs import CONTRIBUTIONS, RANKS, SIZES

EXERCISES = (SPLIT, MULTI_HEAD, CONTRIBUTIONS, RANKS, SIZES, PREVIOUS, INDUCTION)
