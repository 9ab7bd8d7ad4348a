"""Bad input to the models: each raises with a message that names argument, value and rule, and leaves the caches."""

import hashlib
import json

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope, TranslationConfig
from course_lib.layers import Cache, CrossAttention, CrossLatentAttention
from course_lib.models import (
    ClassifierModel,
    DecoderModel,
    EncoderModel,
    MaskedTokenModel,
    Sampling,
    Target,
    TranslationModel,
    generate,
    shipped,
    translate,
)

ATTENTION = GroupedConfig(d_model=14, n_heads=2)
FIELDS = dict(vocab_size=29, n_layers=2, attention=ATTENTION, d_ff=23, positions="learned", max_length=9)
CONFIG = ModelConfig(**FIELDS)
DECODER, TRANSLATOR = DecoderModel(CONFIG).eval(), TranslationModel(CONFIG, CONFIG).eval()


def tokens(batch=2, n=5):
    return torch.randint(29, (batch, n), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "wrong, rule",
    [
        ({"vocab_size": 0}, "vocab_size must be a positive integer, got 0"),
        ({"n_layers": True}, "n_layers must be a positive integer, got True"),
        ({"attention": {}}, "attention must be a GroupedConfig or LatentConfig, got dict"),
        ({"d_ff": 2.0}, "d_ff must be a positive integer, got 2.0"),
        ({"feedforward": "elu"}, "feedforward must be one of relu, gelu, gelu_tanh, swiglu, got 'elu'"),
        ({"norm": "batch"}, "norm must be one of layer, rms, got 'batch'"),
        ({"norm_eps": -1e-9}, "norm_eps must be a finite number, not negative, got -1e-09"),
        ({"placement": "sandwich"}, "placement must be one of post, pre, peri, got 'sandwich'"),
        ({"positions": "rotary"}, "positions must be one of none, sinusoidal, learned, got 'rotary'"),
        ({"max_length": None}, "max_length must be given with learned positions"),
        ({"max_length": -1}, "max_length must be a positive integer, got -1"),
        ({"tied": 1}, "tied must be True or False, got 1"),
        ({"ff_bias": 0}, "ff_bias must be True or False, got 0"),
        ({"output_bias": None}, "output_bias must be True or False, got None"),
        ({"embedding_scale": 0.0}, "embedding_scale must be a positive finite number, got 0.0"),
        ({"embedding_norm": "rms"}, "embedding_norm must be True or False, got 'rms'"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
        (
            {"positions": "sinusoidal", "attention": GroupedConfig(d_model=15, n_heads=3)},
            "d_model must be even, got d_model = 15",
        ),
    ],
)
def test_config(wrong, rule):
    with pytest.raises(ValueError, match=rule):
        ModelConfig(**(FIELDS | wrong))


@pytest.mark.parametrize(
    "values, rule",
    [
        ({}, "attention's kind must be one of grouped, latent, got None"),
        (CONFIG.as_dict() | {"depth": 3}, r"ModelConfig has no fields \['depth'\]"),
        ({"attention": CONFIG.as_dict()["attention"]}, r"ModelConfig needs the fields \['vocab_size', 'n_layers'"),
        (CONFIG.as_dict() | {"attention": {"kind": "grouped", "d_model": 6}}, r"GroupedConfig needs .*\['n_heads'\]"),
        (CONFIG.as_dict() | {"attention": "grouped"}, "attention must be an object with its fields, got 'grouped'"),
        (CONFIG.as_dict() | {"attention": {"kind": ["grouped"]}}, r"kind must be one of .* got \['grouped'\]"),
        (
            CONFIG.as_dict() | {"attention": {"kind": "grouped", "rope": 10_000}},
            "Rope must be an object with its fields, got 10000",
        ),
    ],
)
def test_config_from_json(values, rule):
    with pytest.raises(ValueError, match=rule):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    "described, rule",
    [
        ("DecoderModel", "model in .*card.json must be an object, got 'DecoderModel'"),
        ({"class": ["DecoderModel"]}, r"the class of a model must be one of DecoderModel, .* got \['DecoderModel'\]"),
        ({"class": "DecoderModel"}, "configs of a DecoderModel must be a list of length 1, of objects, got None"),
        ({"class": "DecoderModel", "configs": CONFIG.as_dict()}, "configs .* must be a list of length 1, .* got {'voc"),
        ({"class": "DecoderModel", "configs": ["small"]}, r"must be a list of length 1, of objects, got \['small'\]"),
        ({"class": "TranslationModel", "configs": [CONFIG.as_dict()]}, "configs .* must be a list of length 2"),
        (
            {"class": "DecoderModel", "configs": [CONFIG.as_dict() | {"dropout": "none"}]},
            "configs of a DecoderModel must have fields of the right types, but: .*'str'",
        ),
    ],
)
def test_a_card_made_by_hand(tmp_path, described, rule):
    data = b"any weights"
    card = {"model": described, "weights_sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / "card.json").write_text(json.dumps(card))
    (tmp_path / "weights.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match=rule):
        shipped.load(tmp_path)


def test_the_two_sides_of_a_translator():
    wide = ModelConfig(**(FIELDS | {"attention": GroupedConfig(d_model=16, n_heads=2)}))
    with pytest.raises(ValueError, match="source and target must have the same d_model, got 14 and 16"):
        TranslationModel(CONFIG, wide)
    with pytest.raises(ValueError, match="target must be a ModelConfig, got dict"):
        TranslationConfig(source=CONFIG, target={})
    with pytest.raises(ValueError, match=r"TranslationConfig needs the fields \['target'\], got \['source'\]"):
        TranslationConfig.from_dict({"source": CONFIG.as_dict()})


@pytest.mark.parametrize("n_classes", [0, True, 2.0])
def test_classes(n_classes):
    with pytest.raises(ValueError, match=f"n_classes must be a positive integer, got {n_classes}"):
        ClassifierModel(CONFIG, n_classes)


MODELS = {
    "decoder": DECODER,
    "encoder": EncoderModel(CONFIG),
    "masked token": MaskedTokenModel(CONFIG),
    "classifier": ClassifierModel(CONFIG, 3),
    "source": lambda X, **keywords: TRANSLATOR.encode(X, **keywords),
    "target": lambda X, **keywords: TRANSLATOR.prefill(X, TRANSLATOR.encode(tokens()), None, **keywords),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "X, lengths, rule",
    [
        (tokens() - 29, None, "tokens must lie from 0 to vocab_size - 1 = 28, got -2"),
        (tokens() + 29, None, "tokens must lie from 0 to vocab_size - 1 = 28, got 5"),
        (tokens().float(), None, "tokens must be of dtype torch.int64, got torch.float32"),
        (tokens()[:, :0], None, r"tokens must have shape \(sequences, tokens\), at least one of each, got \(2, 0\)"),
        (tokens()[..., None], None, r"tokens must have shape .* got \(2, 5, 1\)"),
        (tokens().tolist(), None, "tokens must be a torch tensor, got list"),
        (tokens(n=10), None, "a sequence may have at most max_length = 9 tokens, got 10"),
        (tokens(), [5, 2], "lengths must be a tensor of integers"),
        (tokens(), torch.tensor([6, 2]), r"lengths must be 2 numbers from 0 to n = 5, got \[6, 2\]"),
        (tokens(), torch.tensor([5]), r"lengths must be 2 numbers from 0 to n = 5, got \[5\]"),
    ],
)
def test_tokens_and_lengths(name, X, lengths, rule):
    with pytest.raises(ValueError, match=rule):
        MODELS[name](X, lengths=lengths)


def test_a_sequence_without_tokens_has_no_class():
    with pytest.raises(ValueError, match=r"lengths must be at least 1 to classify a sequence, got \[5, 0\]"):
        MODELS["classifier"](tokens(), torch.tensor([5, 0]))


def filled():
    caches = DECODER.new_caches()
    DECODER(tokens(), caches)
    return caches


@pytest.mark.parametrize(
    "X, spoil, rule",
    [
        (tokens(), lambda caches: caches, "a sequence may have at most max_length = 9 tokens, got 10"),
        (tokens(3, 1), lambda caches: caches, "the cache holds 2 sequences, got a batch of 3"),
        (tokens(2, 1), lambda caches: caches[:1], "caches must hold one cache for each of 2 layers, got 1"),
        (tokens(2, 1), lambda caches: caches[:1] * 2, "caches must hold a cache of its own for each layer"),
        (tokens(2, 1), lambda caches: [caches[0], Cache()], "caches must hold the same tokens in each layer"),
        (tokens(2, 1), lambda caches: caches[0], "caches must be a list of caches, from new_caches.*, got Cache"),
        (tokens(2, 1) - 29, lambda caches: caches, "tokens must lie from 0"),
    ],
)
def test_caches(X, spoil, rule):
    caches = filled()
    with pytest.raises(ValueError, match=rule):
        DECODER(X, spoil(caches))
    assert [cache.length for cache in caches] == [5, 5]


@pytest.mark.parametrize(
    "memory, rule",
    [
        (tokens().float(), "memory must be a list of memories, from encode.*, got Tensor"),
        (TRANSLATOR.encode(tokens())[:1], "memory must hold one memory for each of 2 layers, got 1"),
        (TRANSLATOR.encode(tokens(3)), r"memory must be of as many sequences as target, 2, got \[3\]"),
    ],
)
def test_memory(memory, rule):
    caches = TRANSLATOR.new_caches()
    with pytest.raises(ValueError, match=rule):
        TRANSLATOR.prefill(tokens(), memory, caches)
    assert caches[0].length == 0


def test_cross_attention():
    layer, X = CrossAttention(ATTENTION), torch.ones(2, 5, 14)
    memory = layer.remember(X)
    wrong = [
        (lambda: CrossAttention(GroupedConfig(d_model=8, n_heads=2, rope=Rope())), "cross-attention has no rotary"),
        (lambda: CrossAttention(GroupedConfig(d_model=8, n_heads=2, window=3)), "has no window, got window = 3"),
        (
            lambda: CrossLatentAttention(LatentConfig(d_model=8, n_heads=2, d_latent=3, d_head=4, d_rope=2)),
            "cross-attention has no rotary positions, got rope = Rope",
        ),
        (lambda: layer.remember(X[..., :13]), r"X must have shape .*d_model = 14\), got \(2, 5, 13\)"),
        (lambda: layer.remember(X / 0), "X must be finite"),
        (lambda: layer.remember(X, torch.tensor([5, 6])), r"lengths must be 2 numbers from 0 to n = 5, got \[5, 6\]"),
        (lambda: layer(X.double(), memory), "X must have the dtype and device of the parameters.*float32"),
        (lambda: layer(X / 0, memory), "X must be finite"),
        (lambda: layer(X, X), "memory must come from remember.*, got Tensor"),
        (lambda: layer(X[:1], memory), "memory must hold 1 sequences, as X does, got 2"),
    ]
    for call, rule in wrong:
        with pytest.raises(ValueError, match=rule):
            call()


@pytest.mark.parametrize(
    "keywords, rule",
    [
        ({"n_new": 0}, "n_new must be a positive integer, got 0"),
        (
            {"n_new": 6},
            "n_new = 6 tokens after a prompt of 5 would pass the context limit: .*max_length = 9 .*needs 10",
        ),
        ({"tokens": tokens() + 29}, "tokens must lie from 0"),
        ({"lengths": torch.tensor([5, 6])}, "lengths must be 2 numbers"),
        ({"lengths": torch.tensor([5, 0])}, "lengths must be at least 1, so that .* got 0"),
        ({"stop": 29}, "stop must be a token from 0 to vocab_size - 1 = 28, got 29"),
        ({"temperature": -1.0}, "temperature must be a finite number, not negative, got -1.0"),
        ({"temperature": "1"}, "temperature must be a finite number, not negative, got '1'"),
        ({"temperature": None}, "temperature must be a finite number, not negative, got None"),
        ({"temperature": True}, "temperature must be a finite number, not negative, got True"),
        ({"temperature": float("nan")}, "temperature must be a finite number, not negative, got nan"),
        ({"temperature": 10**400}, "temperature must be a finite number, not negative, got 1000"),
        ({"temperature": 1.0, "top_k": 0}, "top_k must be a positive integer, got 0"),
        ({"temperature": 1.0, "top_p": 0.0}, r"top_p must lie in \(0, 1\], got 0.0"),
        ({"temperature": 1.0, "top_p": "1"}, r"top_p must lie in \(0, 1\], got '1'"),
        ({"temperature": 1.0, "top_p": [0.5]}, r"top_p must lie in \(0, 1\], got \[0.5\]"),
        ({"temperature": 1.0, "top_p": 1.1}, r"top_p must lie in \(0, 1\], got 1.1"),
        ({"top_k": 5}, "top_k and top_p .* needs a temperature above 0, got 0.0"),
        ({"temperature": 1.0, "seed": 1.5}, "seed must be a whole number from 0 to 2.*64 - 1, got 1.5"),
        (
            {"temperature": 1.0, "seed": 2**64},
            "seed must be a whole number from 0 to 2.*64 - 1, got 18446744073709551",
        ),
    ],
)
def test_generate(keywords, rule):
    with pytest.raises(ValueError, match=rule):
        generate(DECODER, **({"tokens": tokens(), "n_new": 3} | keywords))


TARGET = dict(begin=0, end=1, longest=9)


@pytest.mark.parametrize(
    "target, keywords, rule",
    [
        ({"begin": 29}, {}, "begin must be a token from 0 to vocab_size - 1 = 28, got 29"),
        ({"end": -1}, {}, "end must be a token from 0 to vocab_size - 1 = 28, got -1"),
        ({"longest": 0}, {}, "longest must be a positive integer, got 0"),
        ({"longest": 10}, {}, "a target of longest = 10 tokens would pass the context limit: .* max_length = 9"),
        ({}, {"beams": 0}, "beams must be a positive integer, got 0"),
        ({}, {"source": tokens() + 29}, "source must lie from 0 to vocab_size - 1 = 28"),
        ({}, {"source": tokens(n=10)}, "a sequence may have at most max_length = 9 tokens, got 10"),
        ({}, {"lengths": torch.tensor([1, 2, 3])}, r"lengths must be 2 numbers from 0 to n = 5, got \[1, 2, 3\]"),
    ],
)
def test_translate(target, keywords, rule):
    with pytest.raises(ValueError, match=rule):
        translate(TRANSLATOR, **({"source": tokens(), "target": Target(**(TARGET | target))} | keywords))


@pytest.mark.parametrize("temperature", [0.0, 1e-310, 1.0])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_sampling_from_logits_that_order_nothing(temperature, bad):
    logits = torch.full((2, 5), bad)
    logits[0] = 1.0
    sampling = Sampling(temperature=temperature)
    with pytest.raises(ValueError, match="the largest logit of each row must be finite, got NaN or infinity"):
        sampling.choose(logits, sampling.generator())
