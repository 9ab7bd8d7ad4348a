"""The plans of `python -m course_lib train NAME`: under each name a model, a text and a recipe.

Each model can be trained on one core in less than half an hour; its card says how long it took. The three decoders of
a corpus have the same number of parameters: the smaller the attention, the wider the feed-forward layers.
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
CONTEXT, SEQUENCES = 256, 4  # tokens of a sequence, sequences of a step: few, since many small steps learn more
HELD_OUT = 100_000  # tokens to validate on: the first ones of the held-out documents

D_HEAD = 32
MHA = GroupedConfig(d_model=WIDTH, n_heads=HEADS, d_head=D_HEAD, rope=Rope())
# Both leave 128 numbers per token and layer in the cache, a quarter of what MHA leaves.
GQA = GroupedConfig(d_model=WIDTH, n_heads=HEADS, n_kv_heads=2, d_head=D_HEAD, rope=Rope())
MLA = LatentConfig(d_model=WIDTH, n_heads=HEADS, d_latent=112, d_head=D_HEAD, d_rope=16)


@dataclass(frozen=True)
class Prepared:
    """A plan made ready: all that `train` needs, and the origin of the text for the card."""

    model: nn.Module
    tokenizer: Tokenizer
    data: TrainingData
    origin: dict  # of the text; ready for JSON


class Plan(ABC):
    """A model, a text and a recipe that can be trained by name."""

    summary: str
    recipe: Recipe

    @abstractmethod
    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        """Tokenizer, data, and a model with random weights. `corpus` replaces the text of the plan."""

    @abstractmethod
    def sample(self, tokenizer: Tokenizer, corpus: Corpus | None = None) -> TrainingData:
        """Data with a validation set so small that a test computes its loss in a second."""

    def examine(self, prepared: Prepared) -> dict:
        """Results for the card of the trained model other than its losses, ready for JSON."""
        return {}


def origin_of(corpus: Corpus) -> dict:
    """The entry for a text in a card, ready for JSON: name, licence and fingerprint."""
    return {"corpus": corpus.name, "licence": corpus.licence, "fingerprint": asdict(corpus.fingerprint)}


def sample_of(corpus: Corpus) -> str:
    """The first document of at least 2,000 characters, or the whole text when there is none."""
    return next((document.text for document in corpus.documents if len(document.text) >= 2_000), corpus.text)


def encode(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    """The ids of `text`, (n,) int64."""
    return torch.tensor(tokenizer.encode(text))


@dataclass(frozen=True)
class TextPlan(Plan):
    """A plan for a model that predicts tokens of a text: the next ones or hidden ones, as `data` says."""

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
        """Data whose validation text is one held-out document: see `sample_of`."""
        _, validation = self.text(corpus).split()
        parts = (encode(tokenizer, text) for text in (validation.text, sample_of(validation)))
        return self.data(parts, tokenizer.vocab, CONTEXT, SEQUENCES)

    def text(self, corpus: Corpus | None) -> Corpus:
        """The given corpus, or else that of the plan."""
        return corpora.load(self.corpus) if corpus is None else corpus

    def config(self, vocab_size: int) -> ModelConfig:
        """The config of the model: pre-LN blocks with RMSNorm and SwiGLU; rotary positions in the attention."""
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
    """A plan for an encoder-decoder that translates names of numbers."""

    summary: str
    config: ModelConfig  # of encoder and decoder; vocab_size is replaced
    batch_size: int
    recipe: Recipe

    def prepare(self, corpus: Corpus | None = None) -> Prepared:
        """Tokenizer, data and model. Raises ValueError when a corpus is given: the pairs come from num2words."""
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
        """The share of held-out numbers that the model translates without a mistake."""
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
            vocab_size=1,  # replaced in `prepare`
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
