"""What `python -m course_lib train NAME` trains: a model, a text and a recipe under each name.

All models are small enough to be trained on two cores in less than 25 minutes. The three decoders of a corpus have the
same number of parameters: what attention saves in weights, the feed-forward layers get.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass

import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.text import corpora
from course_lib.text.corpus import Corpus
from course_lib.text.tokenizers import BPETokenizer, Tokenizer
from course_lib.training.data import NextTokenData, TrainingData
from course_lib.training.recipe import Recipe

VOCAB_SIZE = 2048
WIDTH, HEADS, LAYERS = 128, 8, 4
CONTEXT, SEQUENCES = 256, 4  # of one step: small steps, but many, learn more from a token
HELD_OUT = 100_000  # tokens to judge by: the first of the held-out documents

D_HEAD = 32
MHA = GroupedConfig(d_model=WIDTH, n_heads=HEADS, d_head=D_HEAD, rope=Rope())
# Both leave 128 numbers per token and layer in the cache, a quarter of what MHA leaves.
GQA = GroupedConfig(d_model=WIDTH, n_heads=HEADS, n_kv_heads=2, d_head=D_HEAD, rope=Rope())
MLA = LatentConfig(d_model=WIDTH, n_heads=HEADS, d_latent=112, d_head=D_HEAD, d_rope=16)


@dataclass(frozen=True)
class Prepared:
    """All that `train` needs, and what a card says of it."""

    model: nn.Module
    tokenizer: Tokenizer
    data: TrainingData
    sample: TrainingData  # its validation set is small: what a test can compute the loss of in a second
    origin: dict  # of the text; ready for JSON


class Plan(ABC):
    """One model that can be trained by name."""

    summary: str
    recipe: Recipe

    @abstractmethod
    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        """Tokenizer, data, and a model with its first weights. `corpus` replaces the text of the plan."""


def origin_of(corpus: Corpus) -> dict:
    """What a card says of a text."""
    return {"corpus": corpus.name, "licence": corpus.licence, "fingerprint": asdict(corpus.fingerprint)}


def sample_of(corpus: Corpus) -> str:
    """The first document of some length, or the whole text when there is none."""
    return next((document.text for document in corpus.documents if len(document.text) >= 2_000), corpus.text)


def encode(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    """The ids of `text`, (n,) int64."""
    return torch.tensor(tokenizer.encode(text))


@dataclass(frozen=True)
class DecoderPlan(Plan):
    """A decoder that predicts the next token of a corpus: Pre-LN, RMSNorm, SwiGLU, rotary positions."""

    summary: str
    corpus: str
    attention: GroupedConfig | LatentConfig
    d_ff: int
    recipe: Recipe

    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        corpus = corpora.load(self.corpus) if corpus is None else corpus
        training, validation = corpus.split()
        tokenizer = BPETokenizer.train(training.text, VOCAB_SIZE)
        model = DecoderModel(
            ModelConfig(
                vocab_size=len(tokenizer),
                n_layers=LAYERS,
                attention=self.attention,
                d_ff=self.d_ff,
                feedforward="swiglu",
                norm="rms",
            )
        )
        origin, held_out = origin_of(corpus), encode(tokenizer, validation.text)[:HELD_OUT]
        data, sample = (
            NextTokenData(parts, tokenizer.vocab, CONTEXT, SEQUENCES, self.recipe.seed, origin)
            for parts in (
                (encode(tokenizer, training.text), held_out),
                (held_out, encode(tokenizer, sample_of(validation))),
            )
        )
        return Prepared(model, tokenizer, data, sample, origin)


def decoder_recipe(seed: int) -> Recipe:
    """8000 steps of 1024 tokens."""
    return Recipe(
        steps=8_000,
        learning_rate=4e-3,
        warmup=200,
        final=0.02,
        evaluate_every=1_000,
        checkpoint_every=250,
        log_every=20,
        seed=seed,
        precision="auto",
    )


PLANS: dict[str, Plan] = {
    f"{corpus}-{name}": DecoderPlan(f"{kind}, on the {text}", corpus, attention, d_ff, decoder_recipe(seed=0))
    for corpus, text in (("docs", "documentation of NumPy and SymPy"), ("code", "source code of NumPy and SymPy"))
    for name, kind, attention, d_ff in (
        ("mha", "a decoder with multi-head attention", MHA, 344),
        ("gqa", "a decoder with grouped-query attention, 8 heads on 2 KV heads", GQA, 472),
        ("mla", "a decoder with latent attention and decoupled rotary positions", MLA, 280),
    )
}
