"""Exercises of notebook 04: sinusoidal and rotary positions, their shift, layout and base, rotated keys in a cache."""

from course_lib.exercises.pair_layouts import LAYOUT
from course_lib.exercises.rotated_cache import CACHE
from course_lib.exercises.rotations import BASE, ROTATE
from course_lib.exercises.sinusoids import SHIFT, SINUSOIDAL

EXERCISES = (SINUSOIDAL, SHIFT, ROTATE, LAYOUT, BASE, CACHE)
