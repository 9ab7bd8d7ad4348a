"""The exercises of notebook 07, in order."""

from course_lib.exercises.head_pooling import KEPT, POOL
from course_lib.exercises.kv_costs import CACHE, CONTEXT, STEP
from course_lib.exercises.kv_sharing import GROUPED, READ

EXERCISES = (READ, GROUPED, CACHE, STEP, CONTEXT, POOL, KEPT)
