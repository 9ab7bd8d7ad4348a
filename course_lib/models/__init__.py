"""Whole Transformers in PyTorch, from one config: decoder-only, encoder-only, encoder-decoder; and generation."""

from course_lib.models.decoder import DecoderModel

__all__ = ["DecoderModel"]
