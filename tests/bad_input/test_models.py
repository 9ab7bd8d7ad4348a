"""Bad input of the models. A refusal leaves the caches as they were."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, RotatedKeysConfig
from course_lib.layers import Cache, WindowCache
from course_lib.models import ClassifierModel, DecoderModel, EncoderModel, MaskedTokenModel, TranslationModel
from course_lib.models.ablation import Ablation
from course_lib.models.both_ways import decode_both_ways
from course_lib.models.inference import finite
from course_lib.models.stream import written
from course_lib.models.unrotated import queries_and_keys

ATTENTION = GroupedConfig(d_model=14, n_heads=2)
CONFIG = ModelConfig(vocab_size=29, n_layers=2, attention=ATTENTION, d_ff=23, positions="learned", max_length=9)
DECODER, TRANSLATOR = DecoderModel(CONFIG).eval(), TranslationModel(CONFIG, CONFIG).eval()
CLASSIFIER = ClassifierModel(CONFIG, 3)
WINDOWED = DecoderModel(replace(CONFIG, attention=replace(ATTENTION, window=3)))
WIDE = replace(CONFIG, attention=GroupedConfig(d_model=16, n_heads=2))
POST = DecoderModel(replace(CONFIG, placement="post"))
ROTATED = RotatedKeysConfig(d_model=14, n_heads=2, d_latent=8, d_head=4)
ROTATED_KEYS = DecoderModel(replace(CONFIG, attention=ROTATED))


def tokens(batch=2, n=5):
    return torch.randint(29, (batch, n), generator=torch.Generator().manual_seed(0))


MODELS = [
    DECODER,
    EncoderModel(CONFIG),
    MaskedTokenModel(CONFIG),
    CLASSIFIER,
    TRANSLATOR.encode,
    lambda X, **keywords: TRANSLATOR.prefill(X, TRANSLATOR.encode(tokens()), None, **keywords),
]


@pytest.mark.parametrize(
    "X, lengths, argument, got, rule",
    [
        (torch.full((2, 5), -1), None, "tokens", "-1", ("0", "28")),
        (torch.full((2, 5), 29), None, "tokens", "29", ("0", "28")),
        (tokens().float(), None, "tokens", "torch.float32", "torch.int64"),
        (tokens()[:, :0], None, "tokens", "(2, 0)", "(sequences, tokens)"),
        (tokens()[..., None], None, "tokens", "(2, 5, 1)", "(sequences, tokens)"),
        (tokens().tolist(), None, "tokens", "list", "tensor"),
        (tokens(n=10), None, "tokens", "10", "max_length = 9"),
        (tokens(), [5, 2], "lengths", "[5, 2]", "tensor"),
        (tokens(), torch.tensor([6, 2]), "lengths", "[6, 2]", ("0", "n = 5")),
        (tokens(), torch.tensor([5]), "lengths", "[5]", "2"),
    ],
)
def test_tokens_and_lengths(refuses, X, lengths, argument, got, rule):
    for model in MODELS:
        refuses(partial(model, X, lengths=lengths), argument, got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: CLASSIFIER(tokens(), lengths=torch.tensor([5, 0])), "lengths", "[5, 0]", "1"),
        (lambda: ClassifierModel(CONFIG, 0), "n_classes", "0", "positive"),
        (lambda: ClassifierModel(CONFIG, True), "n_classes", "True", "integer"),
        (lambda: ClassifierModel(CONFIG, 2.0), "n_classes", "2.0", "integer"),
        (lambda: DECODER.decode(tokens(), DECODER.new_caches()), "tokens", "[2, 5]", "(b, 1)"),
        (lambda: DECODER.decode([[3]], DECODER.new_caches()), "tokens", "[[3]]", "(b, 1)"),
        (lambda: TranslationModel(CONFIG, WIDE), "d_model", ("14", "16"), ("source", "target")),
        (lambda: written(POST, tokens()), "model", "post", ("pre", "peri")),
        (lambda: queries_and_keys(ROTATED_KEYS, tokens(), 0), "model", "RotatedKeysConfig", "0"),
        (lambda: finite(torch.tensor([1.0, torch.nan])), "logits", "NaN", "finite"),
        (lambda: finite(torch.tensor([1.0, torch.inf])), "logits", "infinite", "finite"),
        (lambda: decode_both_ways(DECODER, [0] * 8, 3), "steps", ("3", "8", "10"), "max_length = 9"),
        (lambda: decode_both_ways(DECODER, [0, 29], 2), "prompt", "29", ("0", "28")),
        (lambda: decode_both_ways(DECODER, [], 2), "prompt", "none", "one"),
        (lambda: decode_both_ways(DECODER, [0], 0), "steps", "0", "positive"),
        (lambda: decode_both_ways(DECODER, [0], 1.5), "steps", "1.5", "integer"),
        (lambda: decode_both_ways(WINDOWED, [0], 2), "model", "3", "window"),
        (lambda: Ablation(torch.nn.Linear(2, 2), tokens()), "model", "Linear", "DecoderModel"),
        (lambda: Ablation(DECODER, tokens()[0]), "tokens", "(5,)", "(b, n)"),
        (lambda: Ablation(DECODER, tokens().int()), "tokens", "torch.int32", "int64"),
        (lambda: Ablation(DECODER, tokens(n=1)), "tokens", "(2, 1)", ("n", "2")),
        (lambda: Ablation(DECODER, tokens().tolist()), "tokens", "list", "tensor"),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize("head", [(2, 0), (0, 2), (-1, 0), (0, True), (1.0, 0), 5, (1, 2, 3)], ids=str)
def test_heads_that_are_not_there(refuses, head):
    refuses(lambda: Ablation(DECODER, tokens()).losses([head]), "removed", str(head), ("(layer, head)", "(2, 2)"))


@pytest.mark.parametrize(
    "X, spoil, argument, got, rule",
    [
        (tokens(), lambda caches: caches, "tokens", "10", "max_length = 9"),
        (torch.full((2, 1), 29), lambda caches: caches, "tokens", "29", ("0", "28")),
        (tokens(3, 1), lambda caches: caches, "batch", "3", "2"),
        (tokens(2, 1), lambda caches: caches[0], "caches", "Cache", ("list", "new_caches")),
        (tokens(2, 1), lambda caches: caches[:1], "caches", "1", "2"),
        (tokens(2, 1), lambda caches: caches[:1] * 2, "caches", (), "own"),
        (tokens(2, 1), lambda caches: [caches[0], Cache()], "caches", "[[5, 5], []]", "same"),
        (tokens(2, 1), lambda caches: [caches[0], WindowCache(3)], "window", "None", ("cache", "3")),
    ],
)
def test_caches(refuses, X, spoil, argument, got, rule):
    caches = DECODER.new_caches()
    DECODER(tokens(), caches)
    refuses(lambda: DECODER(X, spoil(caches)), argument, got, rule)
    assert [cache.length for cache in caches] == [5, 5]


@pytest.mark.parametrize(
    "memory, got, rule",
    [
        (tokens().float(), "Tensor", ("list", "encode")),
        (TRANSLATOR.encode(tokens())[:1], "1", "2"),
        (TRANSLATOR.encode(tokens(3)), "3", "2"),
    ],
)
def test_memory(refuses, memory, got, rule):
    caches = TRANSLATOR.new_caches()
    refuses(lambda: TRANSLATOR.prefill(tokens(), memory, caches), "memory", got, rule)
    assert caches[0].length == 0
