"""Small models of the classes and variants of the course, and data for each.

Widths are mutually prime where they can be, so that a swapped axis fails. All have dropout, whose random numbers must
be the same after a resumption.
"""

from dataclasses import replace

import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, MaskedTokenModel, TranslationModel
from course_lib.training import MaskedTokenData, NextTokenData, TrainingData, TranslationData, number_tokenizer

VOCAB, CONTEXT, SEQUENCES = 11, 5, 6

PLAIN = GroupedConfig(d_model=15, n_heads=3)
LATENT = LatentConfig(d_model=13, n_heads=3, d_latent=7, d_head=5, d_rope=2, d_latent_q=11, latent_norm=True)
WINDOW = GroupedConfig(d_model=13, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), qk_norm=True, window=3)
BIASED = GroupedConfig(d_model=14, n_heads=2, bias=True)
LARGE = LatentConfig(d_model=128, n_heads=8, d_latent=112, d_head=32, d_rope=16)  # as docs-mla

CONFIGS = {
    "decoder": dict(attention=PLAIN, positions="learned", max_length=CONTEXT, tied=False),
    "latent": dict(attention=LATENT, norm="rms", feedforward="swiglu"),
    "grouped": dict(attention=WINDOW, placement="peri", norm="rms", feedforward="swiglu"),
    "post-norm": dict(attention=BIASED, placement="post", positions="sinusoidal", output_bias=True),
    "masked": dict(attention=BIASED, positions="learned", max_length=CONTEXT, embedding_norm=True, output_bias=True),
    "translation": dict(attention=WINDOW),
    "large": dict(attention=LARGE, norm="rms", feedforward="swiglu", d_ff=280, n_layers=1),
}


def new(kind: str, dropout: float, seed: int) -> tuple[nn.Module, TrainingData]:
    """A model with its first weights, and what it learns from, which is always the same."""
    source = data(kind)
    sizes = {"vocab_size": source.vocab_size, "n_layers": 2, "d_ff": 17, "dropout": dropout}
    config = ModelConfig(**sizes | CONFIGS[kind])
    config = replace(config, attention=replace(config.attention, dropout=dropout))
    torch.manual_seed(seed)
    if kind == "translation":
        return TranslationModel(config, config), source
    return (MaskedTokenModel if kind == "masked" else DecoderModel)(config), source


def data(kind: str) -> TrainingData:
    """Random tokens, or names of small numbers."""
    if kind == "translation":
        return TranslationData(number_tokenizer(), SEQUENCES, largest=99, validation_pairs=5)
    vocab, context = (509, 64) if kind == "large" else (VOCAB, CONTEXT)
    text = torch.randint(0, vocab, (1_000,), generator=torch.Generator().manual_seed(0))
    made = MaskedTokenData if kind == "masked" else NextTokenData
    return made((text[:900], text[900:]), [b"."] * vocab, context, SEQUENCES)
