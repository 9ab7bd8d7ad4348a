"""Bad input of generation, translation and sampling."""

import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel, Sampling, Target, TranslationModel, generate, translate

ATTENTION = GroupedConfig(d_model=14, n_heads=2)
CONFIG = ModelConfig(vocab_size=29, n_layers=2, attention=ATTENTION, d_ff=23, positions="learned", max_length=9)
DECODER, TRANSLATOR = DecoderModel(CONFIG).eval(), TranslationModel(CONFIG, CONFIG).eval()
TOKENS = torch.randint(29, (2, 5), generator=torch.Generator().manual_seed(0))
NUMBER, SEED = ("finite", "negative"), ("0", "2**64 - 1")


@pytest.mark.parametrize(
    "argument, value, got, rule",
    [
        ("tokens", torch.full((2, 5), 29), "29", ("0", "28")),
        ("lengths", torch.tensor([5, 6]), "[5, 6]", ("0", "n = 5")),
        ("lengths", torch.tensor([5, 0]), "0", "1"),
        ("n_new", 0, "0", ("positive", "integer")),
        ("n_new", 6, ("6", "5", "10"), "max_length = 9"),
        ("stop", 29, "29", ("0", "28")),
        ("temperature", -1.0, "-1.0", NUMBER),
        ("temperature", "1", "'1'", NUMBER),
        ("temperature", None, "None", NUMBER),
        ("temperature", True, "True", NUMBER),
        ("temperature", float("nan"), "nan", NUMBER),
        ("temperature", 10**400, str(10**400), NUMBER),
        ("top_k", 0, "0", ("positive", "integer")),
        ("top_p", 0.0, "0.0", "(0, 1]"),
        ("top_p", 1.1, "1.1", "(0, 1]"),
        ("top_p", "1", "'1'", "(0, 1]"),
        ("top_p", [0.5], "[0.5]", "(0, 1]"),
        ("seed", 1.5, "1.5", SEED),
        ("seed", 2**64, str(2**64), SEED),
    ],
)
def test_generate(refuses, argument, value, got, rule):
    good = {"tokens": TOKENS, "n_new": 3, "temperature": 1.0}
    refuses(lambda: generate(DECODER, **(good | {argument: value})), argument, got, rule)


def test_a_restriction_without_anything_drawn(refuses):
    refuses(lambda: generate(DECODER, TOKENS, 3, top_k=5), "top_k", "0.0", ("temperature", "0"))
    refuses(lambda: generate(DECODER, TOKENS, 3, top_p=0.5), "top_p", "0.0", ("temperature", "0"))


@pytest.mark.parametrize(
    "argument, value, got, rule",
    [
        ("begin", 29, "29", ("0", "28")),
        ("end", -1, "-1", ("0", "28")),
        ("longest", 0, "0", ("positive", "integer")),
        ("longest", 10, "10", "max_length = 9"),
        ("beams", 0, "0", ("positive", "integer")),
        ("source", torch.full((2, 5), 29), "29", ("0", "28")),
        ("lengths", torch.tensor([1, 2, 3]), "[1, 2, 3]", ("0", "n = 5")),
    ],
)
def test_translate(refuses, argument, value, got, rule):
    target, keywords = dict(begin=0, end=1, longest=9), {"source": TOKENS}
    (target if argument in target else keywords)[argument] = value
    refuses(lambda: translate(TRANSLATOR, **keywords, target=Target(**target)), argument, got, rule)


def test_a_source_that_is_too_long(refuses):
    source, target = TOKENS.repeat(1, 2), Target(begin=0, end=1, longest=9)
    refuses(lambda: translate(TRANSLATOR, source, target), "tokens", "10", "max_length = 9")


@pytest.mark.parametrize("temperature", [0.0, 1e-310, 1.0])
def test_logits_that_order_nothing(refuses, temperature):
    sampling = Sampling(temperature=temperature)
    for bad in (torch.nan, torch.inf, -torch.inf):
        logits = torch.tensor([[1.0] * 5, [bad] * 5])
        refuses(lambda logits=logits: sampling.choose(logits, sampling.generator()), "logit", "NaN", "finite")
