"""One small trainer for every model of the course: `train(model, data, recipe, folder)`.

A run is a folder: run.json (model, data and recipe), checkpoint.safetensors, log.jsonl. Calling `train` again with the
same arguments resumes the run.
"""

from course_lib.training.data import NextTokenData, TrainingData
from course_lib.training.evaluation import Evaluation, evaluate
from course_lib.training.masked import MaskedTokenData
from course_lib.training.recipe import Recipe
from course_lib.training.trainer import DivergedError, Result, train
from course_lib.training.translation import TranslationData, exact_matches, number_tokenizer

__all__ = [
    "DivergedError",
    "Evaluation",
    "MaskedTokenData",
    "NextTokenData",
    "Recipe",
    "Result",
    "TrainingData",
    "TranslationData",
    "evaluate",
    "exact_matches",
    "number_tokenizer",
    "train",
]
