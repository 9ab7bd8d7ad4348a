"""What `python -m course_lib train NAME` trains: a model, a text and a recipe under each name.

All models are small enough to be trained on one core in less than half an hour: their cards say what each took. The
three decoders of a corpus have the same number of parameters: what attention saves in weights, the feed-forward layers
get.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope, require
from course_lib.models import DecoderModel, MaskedTokenModel, TranslationModel
from course_lib.text import corpora
from course_lib.text.corpus import Corpus
from course_lib.text.tokenizers import BPETokenizer, Tokenizer
from course_lib.text.versions import installed
from course_lib.training.data import NextTokenData, TrainingData
from course_lib.training.masked import MaskedTokenData
from course_lib.training.recipe import Recipe
from course_lib.training.translation import TranslationData, exact_matches, number_tokenizer

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
    origin: dict  # of the text; ready for JSON


class Plan(ABC):
    """One model that can be trained by name."""

    summary: str
    recipe: Recipe

    @abstractmethod
    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        """Tokenizer, data, and a model with its first weights. `corpus` replaces the text of the plan."""

    @abstractmethod
    def sample(self, tokenizer: Tokenizer, corpus: Corpus | None = None) -> TrainingData:
        """Data with a small validation set, of which a test can compute the loss in a second."""

    def examine(self, prepared: Prepared) -> dict:
        """What the card says of the trained model beside its losses; ready for JSON."""
        return {}


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
class TextPlan(Plan):
    """A model that predicts tokens of a text: which tokens, `data` says."""

    summary: str
    corpus: str
    model: type[DecoderModel | MaskedTokenModel]
    data: type[NextTokenData | MaskedTokenData]
    attention: GroupedConfig | LatentConfig
    d_ff: int
    recipe: Recipe

    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        corpus = self.text(corpus)
        training, validation = corpus.split()
        tokenizer = BPETokenizer.train(training.text, VOCAB_SIZE)
        origin = origin_of(corpus)
        parts = encode(tokenizer, training.text), encode(tokenizer, validation.text)[:HELD_OUT]
        data = self.data(parts, tokenizer.vocab, CONTEXT, SEQUENCES, self.recipe.seed, origin)
        return Prepared(self.model(self.config(data.vocab_size)), tokenizer, data, origin)

    def sample(self, tokenizer: Tokenizer, corpus: Corpus | None = None) -> TrainingData:
        """The first held-out document that is no fragment."""
        _, validation = self.text(corpus).split()
        parts = (encode(tokenizer, text) for text in (validation.text, sample_of(validation)))
        return self.data(parts, tokenizer.vocab, CONTEXT, SEQUENCES)

    def text(self, corpus: Corpus | None) -> Corpus:
        """The corpus that is given, or else that of the plan."""
        return corpora.load(self.corpus) if corpus is None else corpus

    def config(self, vocab_size: int) -> ModelConfig:
        """Pre-LN with RMSNorm and SwiGLU, positions in the attention."""
        return ModelConfig(
            vocab_size=vocab_size,
            n_layers=LAYERS,
            attention=self.attention,
            d_ff=self.d_ff,
            feedforward="swiglu",
            norm="rms",
        )


@dataclass(frozen=True)
class NumbersPlan(Plan):
    """The original's encoder-decoder, for names of numbers."""

    summary: str
    config: ModelConfig  # of both sides, but for the size of the vocabulary
    batch_size: int
    recipe: Recipe

    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        """Raises ValueError for a corpus: the pairs are made from num2words."""
        require(corpus is None, "corpus must be left out: this model learns from names of numbers, not from a text")
        tokenizer = number_tokenizer()
        data = TranslationData(tokenizer, self.batch_size, self.recipe.seed)
        config = replace(self.config, vocab_size=data.vocab_size)
        origin = {
            "corpus": "names of numbers below one million",
            "licence": f"num2words {installed('num2words')}: LGPL",
        }
        return Prepared(TranslationModel(config, config), tokenizer, data, origin)

    def sample(self, tokenizer: Tokenizer, corpus: Corpus | None = None) -> TrainingData:
        return TranslationData(tokenizer, self.batch_size, validation_pairs=100)

    def examine(self, prepared: Prepared) -> dict:
        """The share of held-out numbers that are translated without a mistake."""
        return {"exact_matches": exact_matches(prepared.model, prepared.data)}


# 8000 steps of 1024 tokens.
TEXT_RECIPE = Recipe(
    steps=8_000,
    learning_rate=4e-3,
    warmup=200,
    final=0.02,
    evaluate_every=1_000,
    checkpoint_every=250,
    log_every=20,
    precision="auto",
)

DECODERS = {
    f"{corpus}-{name}": TextPlan(
        f"{kind}, on the {text}", corpus, DecoderModel, NextTokenData, attention, d_ff, TEXT_RECIPE
    )
    for corpus, text in (("docs", "documentation of NumPy and SymPy"), ("code", "source code of NumPy and SymPy"))
    for name, kind, attention, d_ff in (
        ("mha", "a decoder with multi-head attention", MHA, 344),
        ("gqa", "a decoder with grouped-query attention, 8 heads on 2 KV heads", GQA, 472),
        ("mla", "a decoder with latent attention and decoupled rotary positions", MLA, 280),
    )
}
PLANS: dict[str, Plan] = DECODERS | {
    "masked-docs": TextPlan(
        "an encoder that finds hidden tokens, on the documentation of NumPy and SymPy",
        "docs",
        MaskedTokenModel,
        MaskedTokenData,
        MHA,
        344,
        TEXT_RECIPE,
    ),
    "numbers": NumbersPlan(
        "an encoder-decoder that translates names of numbers from English to French",
        ModelConfig(
            vocab_size=1,  # replaced by that of the tokenizer
            n_layers=2,
            attention=GroupedConfig(d_model=64, n_heads=4, rope=Rope()),
            d_ff=256,
        ),
        64,
        Recipe(
            steps=2_000,
            learning_rate=3e-3,
            warmup=100,
            final=0.02,
            weight_decay=0.01,
            betas=(0.9, 0.98),
            evaluate_every=250,
            checkpoint_every=250,
        ),
    ),
}
