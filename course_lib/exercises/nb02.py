"""Exercises of notebook 02: attention, kernel regression, softmax, masks, the next token, reading a map."""

from course_lib.exercises.attending import ATTEND, SMOOTH
from course_lib.exercises.masking import CAUSAL, MASKED
from course_lib.exercises.reading import READ
from course_lib.exercises.softmax import SOFTMAX
from course_lib.exercises.streaming import NEXT

EXERCISES = (ATTEND, SMOOTH, SOFTMAX, CAUSAL, MASKED, NEXT, READ)
