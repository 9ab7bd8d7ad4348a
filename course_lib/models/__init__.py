"""Transformers in PyTorch (decoder-only, encoder-only, encoder-decoder), each from a config; and text generation."""

from course_lib.models.decoder import DecoderModel
from course_lib.models.encoder import EncoderModel
from course_lib.models.generate import generate
from course_lib.models.on_encoder import ClassifierModel, MaskedTokenModel
from course_lib.models.sampling import Sampling
from course_lib.models.translate import Target, translate
from course_lib.models.translation import TranslationModel

__all__ = [
    "ClassifierModel",
    "DecoderModel",
    "EncoderModel",
    "MaskedTokenModel",
    "Sampling",
    "Target",
    "TranslationModel",
    "generate",
    "translate",
]
