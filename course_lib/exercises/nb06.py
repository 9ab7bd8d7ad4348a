"""Exercises of notebook 06: a step with a cache, its cost, the mask of a chunk, bytes, a ring, FLOPs per byte."""

from course_lib.exercises.cache_sizes import BYTES
from course_lib.exercises.cached_step import STEP
from course_lib.exercises.chunk_masks import MASK
from course_lib.exercises.generation_costs import COSTS
from course_lib.exercises.intensities import BATCH, INTENSITY
from course_lib.exercises.ring_slots import RING

EXERCISES = (STEP, COSTS, MASK, BYTES, RING, INTENSITY, BATCH)
