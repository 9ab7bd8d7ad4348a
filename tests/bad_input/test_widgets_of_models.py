"""Bad input of the figures that read a model or a layer. A refused choice leaves the former one."""

from functools import partial

import numpy as np
import pytest
import torch
from traitlets import TraitError

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.layers import GroupedQueryAttention, LatentAttention
from course_lib.models import DecoderModel
from course_lib.surgery.calibration import calibrate
from course_lib.widgets.absorption_steps import AbsorptionSteps
from course_lib.widgets.choices import ChoiceError
from course_lib.widgets.decode_stepper import DecodeStepper, require_equal
from course_lib.widgets.head_ablation import HeadAblation
from course_lib.widgets.head_sharing import HeadSharing
from course_lib.widgets.latent_ranks import LatentRanks

TOKENS = list("abcde")
grouped = partial(GroupedConfig, d_model=12, n_heads=6)
latent = partial(LatentConfig, d_model=12, n_heads=2, d_latent=3, d_head=4)


def model(attention, n_layers=1):
    config = ModelConfig(vocab_size=70, n_layers=n_layers, attention=attention, d_ff=8, max_length=60)
    return DecoderModel(config).eval()


LATENT, GROUPED, TWO_LAYERS = model(latent()), model(grouped()), model(grouped(), 2)
LAYER, X = LatentAttention(latent()), np.ones((5, 12))
PIECES = torch.arange(5)[None]
steps = partial(AbsorptionSteps, LAYER, X, TOKENS, cached=2)
stepper = partial(DecodeStepper, GROUPED, text_of=str)
ablation = partial(HeadAblation, TWO_LAYERS, PIECES, TOKENS)
sharing = partial(HeadSharing, GROUPED, range(5), TOKENS)


def ranks(n_layers=2, seen=slice(None), rises=None, **attention):
    rotary = GroupedConfig(**dict(d_model=8, n_heads=2, d_head=4, rope=Rope()) | attention)
    shown = model(rotary, n_layers)
    return LatentRanks(shown, calibrate(shown, [torch.arange(7)[None]])[seen], rises=rises)


def of_layer(layer, n=5, cached=2):
    return AbsorptionSteps(layer, np.ones((n, 12)), ["t"] * n, cached=cached)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: of_layer(GroupedQueryAttention(grouped())), "layer", "GroupedQueryAttention", "LatentAttention"),
        (lambda: of_layer(torch.nn.Linear(6, 6)), "layer", "Linear", "LatentAttention"),
        (lambda: of_layer(LatentAttention(latent(window=3))), "layer", "3", "window"),
        (lambda: of_layer(LAYER, 70, 65), "cached", "65", "64"),
        (lambda: of_layer(LatentAttention(latent(n_heads=64, d_head=32)), 40, 30), "keys", "63,488", "50,000"),
        (lambda: AbsorptionSteps(LAYER, np.ones((5, 7)), TOKENS, cached=2), "X", "(5, 7)", "12"),
        (lambda: AbsorptionSteps(LAYER, np.ones(6), TOKENS, cached=2), "X", "(6,)", "2"),
        (lambda: AbsorptionSteps(LAYER, X * np.nan, TOKENS, cached=2), "X", "NaN", "finite"),
        (lambda: AbsorptionSteps(LAYER, X, TOKENS[:2], cached=2), "tokens", "2", "5"),
        (lambda: steps(sizes={"x": 5}), "sizes", ("5", "'x'"), "LatentConfig"),
        (lambda: steps(sizes={"x": (latent(), -1)}), "past", "-1", "0"),
        (lambda: steps(sizes={"x": (latent(window=3), 8)}), "sizes", ("3", "'x'"), "window"),
        (lambda: steps(sizes={"this layer": (latent(), 8)}), "sizes", "'this layer'", "names"),
        (lambda: stepper([0] * 59, steps=3), "steps", ("3", "59", "61"), "max_length = 60"),
        (lambda: stepper([0, 70], steps=2), "prompt", "70", ("0", "69")),
        (lambda: stepper([], steps=2), "prompt", "none", "one"),
        (lambda: stepper([0], steps=0), "steps", "0", "positive"),
        (lambda: stepper([0], steps=1.5), "steps", "1.5", "integer"),
        (lambda: stepper([0] * 60, steps=6), "prompt", "65", ("steps", "64")),
        (lambda: DecodeStepper(model(grouped(window=3)), [0], steps=2, text_of=str), "model", "3", "window"),
        (lambda: DecodeStepper(model(grouped(), 40), [0] * 59, steps=2, text_of=str), "caches", "57,600", "50,000"),
        (lambda: require_equal(np.array([1e-6, 2e-3]), np.array([10.0, 10.0])), "logits", "2.0e-04", "0.0001"),
        (lambda: HeadAblation(torch.nn.Linear(2, 2), PIECES, TOKENS), "model", "Linear", "DecoderModel"),
        (lambda: HeadAblation(model(grouped(), 25), PIECES, TOKENS), "layers", "150", "144"),
        (lambda: ablation(layers=[]), "layers", "[]", "2"),
        (lambda: ablation(layers=[1, 0]), "layers", "[1, 0]", "rising"),
        (lambda: ablation(layers=[2]), "layers", "[2]", "2"),
        (lambda: HeadAblation(TWO_LAYERS, PIECES, TOKENS[:4]), "tokens", "4", "5"),
        (lambda: HeadSharing(model(grouped(n_kv_heads=2)), range(5), TOKENS), "model", "2", ("6", "KV")),
        (lambda: HeadSharing(LATENT, range(5), TOKENS), "model", "LatentConfig", ("grouped", "KV")),
        (lambda: HeadSharing("docs-mha", range(5), TOKENS), "model", "str", "DecoderModel"),
        (lambda: HeadSharing(GROUPED, range(5), TOKENS[:4]), "tokens", "4", "5"),
        (lambda: HeadSharing(model(grouped(), 3), range(64), ["t"] * 64), "maps", "374,400", "300,000"),
        (lambda: ranks(rope=None), "model", "none", "rotary"),
        (lambda: ranks(qk_norm=True), "model", "one", "QK-norm"),
        (lambda: ranks(bias=True), "model", "some", "biases"),
        (lambda: LatentRanks(LATENT, calibrate(LATENT, [PIECES])), "model", "LatentConfig", "grouped"),
        (lambda: ranks(seen=slice(1)), "layers", "1", "2"),
        (lambda: LatentRanks(model(grouped(rope=Rope())), [1]), "layers", "list", ("list", "calibrate")),
        (lambda: ranks(255, d_head=64), "layers", "67,320", "65,536"),
        (lambda: ranks(rises={(0, 0): 0.1}), "rises", "(0, 0)", ("rank", "1", "8", "pairs", "0", "2")),
        (lambda: ranks(rises={(9, 0): 0.1}), "rises", "(9, 0)", ("rank", "1", "8", "pairs", "0", "2")),
        (lambda: ranks(rises={(8, 3): 0.1}), "rises", "(8, 3)", ("rank", "1", "8", "pairs", "0", "2")),
        (lambda: ranks(rises={5: 0.1}), "rises", "5", ("rank", "1", "8", "pairs", "0", "2")),
        (lambda: ranks(rises={(8, 1): np.nan}), "rises", ("nan", "(8, 1)"), "finite"),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "pieces, argument, got, rule",
    [
        (np.arange(5), "pieces", "(5,)", "(b, period)"),
        (np.zeros((0, 5), int), "pieces", "(0, 5)", "(b, period)"),
        (np.full((2, 5), 0.5), "pieces", "float64", "ids"),
        (np.zeros((2, 1), int), "pieces", "1", ("2", "64")),
        (np.zeros((1, 65), int), "pieces", "65", ("2", "64")),
        (np.zeros((9, 60), int), "pieces", "1080", "1024"),
        (np.full((1, 5), 70), "tokens", "70", ("0", "69")),
    ],
)
def test_pieces(refuses, pieces, argument, got, rule):
    refuses(lambda: HeadAblation(TWO_LAYERS, pieces, TOKENS), argument, got, rule)


@pytest.mark.parametrize("cached", [0, 5, -1, 2.0, True])
def test_cached_tokens(refuses, cached):
    refuses(lambda: steps(cached=cached), "cached", repr(cached), ("1", "4"))


@pytest.mark.parametrize("counts", [(6, 4, 1), (6, 1, 2), (3, 1), (6,), (6, 0), (6, 2.0)])
def test_counts_of_heads(refuses, counts):
    refuses(lambda: sharing(counts=counts), "counts", str(list(counts)), ("6", "divisor"))


@pytest.mark.parametrize(
    "ids, got", [([1], "(1,)"), (range(65), "(65,)"), ([[1, 2]], "(1, 2)"), (torch.ones(5), "torch.float32")]
)
def test_ids(refuses, ids, got):
    refuses(lambda: HeadSharing(GROUPED, ids, TOKENS), "ids", got, ("2", "64"))


def test_types(refuses):
    refuses(lambda: ablation(caption=5), "caption", "5", "text", TypeError)
    refuses(lambda: stepper([0, 1], steps=2, text_of=lambda i: i), "text_of", (), "strings", TypeError)


@pytest.mark.parametrize(
    "make, trait, value, got, rule, error",
    [
        (steps, "size", 1, "1", "0", ChoiceError),
        (sharing, "n_kv_heads", 4, "4", "[6, 3, 2, 1]", ValueError),
        (ranks, "rank", 9, "9", ("1", "8"), ChoiceError),
        (ranks, "pairs", 0, "0", ("1", "2"), ChoiceError),
        (ranks, "positions", "turned", "'turned'", "'rotary slice apart'", ChoiceError),
        (ablation, "removed_heads", [(2, 0)], "[(2, 0)]", ("[0, 1]", "6"), ValueError),
        (ablation, "removed_heads", [3], "[3]", ("[0, 1]", "6"), ValueError),
    ],
)
def test_choices(refuses, make, trait, value, got, rule, error):
    figure = make()
    before = getattr(figure, trait)
    refuses(lambda: setattr(figure, trait, value), trait, got, rule, error)
    assert getattr(figure, trait) == before


def test_heads_that_are_not_there(refuses):
    """They are refused from Python and from the page, and the figure keeps its answer."""
    figure = ablation()
    figure.removed = [1, 4]
    for bad, got in (([12], "12"), ([0, -1], "-1"), ([2, True], "True")):
        refuses(partial(setattr, figure, "removed", bad), "removed", got, ("0", "11"), ChoiceError)
        refuses(partial(figure.set_state, {"removed": bad}), "removed", got, ("0", "11"), ChoiceError)
        assert figure.removed == [1, 4] and figure.answer["for"] == [[1, 4]]
    refuses(partial(setattr, figure, "removed", ["L0 H1"]), "'removed'", "'L0 H1'", "int", TraitError)
    refuses(lambda: figure.role("x"), "name", "'x'", ("'on the previous token'", "'on what came next'"))
