"""Exercises of notebook 01: from text to token ids, from ids to vectors."""

from course_lib.exercises.byte_pairs import BPE_STEP
from course_lib.exercises.embeddings import GRADIENT, MEMORY, ONE_HOT, PPMI
from course_lib.exercises.tokens import GREEDY

EXERCISES = (GREEDY, BPE_STEP, ONE_HOT, GRADIENT, PPMI, MEMORY)
