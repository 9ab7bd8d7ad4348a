"""Exercises of notebook 08: grouped inside latent, absorbed keys and values, costs, a shared rotary key, low rank."""

from course_lib.exercises.absorbing import ABSORB_KEYS, MERGE_VALUES
from course_lib.exercises.grouped_as_latent import SELECTORS
from course_lib.exercises.low_rank import LOW_RANK
from course_lib.exercises.reading_costs import COSTS
from course_lib.exercises.shared_rotary_key import DECOUPLED

EXERCISES = (SELECTORS, ABSORB_KEYS, MERGE_VALUES, COSTS, DECOUPLED, LOW_RANK)
