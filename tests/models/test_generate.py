"""Generation: filters against those of transformers, the same text with and without cache, stops and seeds."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel, Sampling, generate
from course_lib.models.sampling import keep_top_k, keep_top_p, sampled

VOCAB, LENGTHS = 29, torch.tensor([7, 3, 1])
CONFIGS = {
    "grouped": GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope()),
    "windowed": GroupedConfig(d_model=18, n_heads=3, rope=Rope(), window=4),
    "latent": LatentConfig(d_model=18, n_heads=3, d_latent=10, d_head=7, d_rope=4),
}


def make(name="grouped", **keywords):
    """A model whose choices hang on the whole text: sublayers add much, logits are large."""
    torch.manual_seed(0)
    common = dict(n_layers=2, attention=CONFIGS[name], d_ff=23, placement="peri", tied=False)
    config = ModelConfig(vocab_size=VOCAB, **common, **keywords)
    model = DecoderModel(config).double().eval()
    with torch.no_grad():
        model.norm.gamma.fill_(3.0)
    return model


def prompts():
    return torch.randint(VOCAB, (3, 7), generator=torch.Generator().manual_seed(5))


def logits(rows=13):
    return 3 * torch.randn(rows, VOCAB, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 5, VOCAB, 100])
def test_top_k_equals_transformers(k):
    assert torch.equal(keep_top_k(logits(), k), TopKLogitsWarper(k)(None, logits()))


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9, 0.999, 1.0])
def test_top_p_equals_transformers(p):
    assert torch.equal(keep_top_p(logits(), p), TopPLogitsWarper(p)(None, logits()))


def test_temperature_comes_first_then_top_k_then_top_p():
    """As in transformers; with this order each of the three changes what is drawn."""
    left, sampling = logits(400), Sampling(temperature=2.0, top_k=9, top_p=0.8)
    for warp in (TemperatureLogitsWarper(2.0), TopKLogitsWarper(9), TopPLogitsWarper(0.8)):
        left = warp(None, left)
    want = sampled(left.softmax(-1), sampling.generator())
    assert torch.equal(sampling.choose(logits(400), sampling.generator()), want)


def test_top_p_by_hand():
    P = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).double()
    kept = [(keep_top_p(P.log(), p) > -torch.inf).tolist()[0] for p in (0.35, 0.5, 0.75)]
    assert kept == [[False, True, False, False], [False, True, False, True], [False, True, True, True]]


def test_top_p_is_reached_exactly():
    """Sums of these powers of two are exact. Where the likeliest tokens have probability p, no more are kept."""
    P = torch.tensor([[0.125, 0.5, 0.125, 0.25]]).double()
    kept = [(keep_top_p(P.log(), p) > -torch.inf).tolist()[0] for p in (0.5, 0.75)]
    assert kept == [[False, True, False, False], [False, True, False, True]]


@pytest.mark.parametrize("u, token", [(0.0, 1), (1 - 2**-53, 10)])
def test_the_ends_of_the_unit_interval_draw_tokens_that_have_a_probability(monkeypatch, u, token):
    """The sum of ten times 0.1 in float64 is 1 - 2^-53, which is also the largest number that torch.rand gives."""
    P = torch.tensor([[0.0] + [0.1] * 10 + [0.0]], dtype=torch.float64)
    assert float(P.cumsum(-1)[0, -1]) == 1 - 2**-53
    monkeypatch.setattr(torch, "rand", lambda *shape, generator, dtype: torch.full(shape, u, dtype=dtype))
    assert sampled(P, torch.Generator()).tolist() == [token]


def test_draws_follow_the_probabilities():
    """Of 40,000 draws, frequencies within four standard deviations; what has no probability is never drawn."""
    P, n = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0]).double(), 40_000
    tokens = sampled(P.expand(n, -1), torch.Generator().manual_seed(2))
    seen = torch.bincount(tokens, minlength=6) / n
    assert ((seen - P).abs() <= 4 * (P * (1 - P) / n).sqrt()).all()


WAYS = [
    {},
    {"temperature": 1.3},
    {"temperature": 0.8, "top_k": 5},
    {"temperature": 1.0, "top_p": 0.7, "seed": 3},
    {"temperature": 2.0, "top_k": 9, "top_p": 0.9},
]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_cache_changes_no_token(name, way):
    model = make(name)
    cached = generate(model, prompts(), 12, LENGTHS, **way)
    assert cached == generate(model, prompts(), 12, LENGTHS, cached=False, **way)
    assert [len(row) for row in cached] == [12, 12, 12]


def test_each_prompt_as_if_alone():
    """What stands in the padding is not looked at."""
    model, padded = make(), prompts()
    padded[torch.arange(7) >= LENGTHS[:, None]] = -1
    alone = [generate(model, x[None, :n], 9)[0] for x, n in zip(prompts(), LENGTHS, strict=True)]
    assert generate(model, padded, 9, LENGTHS) == alone


def test_greedy_takes_the_likeliest_token():
    model, text = make(), prompts()[:1]
    for token in generate(model, text, 8)[0]:
        assert token == model(text)[0, -1].argmax()
        text = torch.cat([text, torch.tensor([[token]])], 1)


def test_one_token_to_choose_from_is_greedy():
    greedy = generate(make(), prompts(), 9)
    assert generate(make(), prompts(), 9, temperature=1.5, top_k=1) == greedy
    assert generate(make(), prompts(), 9, temperature=1.5, top_p=1e-9) == greedy


@pytest.mark.parametrize("number", [Fraction, np.float32])
def test_sampling_takes_real_numbers_of_every_type(number):
    drawn = generate(make(), prompts(), 9, temperature=number(1.5), top_p=number(0.5))
    assert drawn == generate(make(), prompts(), 9, temperature=1.5, top_p=0.5)


@pytest.mark.parametrize("temperature", [Fraction(1, 10**400), 5e-324, 1e-310, 1e-300, 1e-30])
@pytest.mark.parametrize("ways", [{}, {"top_k": 5}, {"top_p": 0.9}], ids=str)
def test_a_temperature_near_zero_is_greedy(temperature, ways):
    """Logits divided by it overflow; the limit of softmax(l / t) as t falls is the largest logit alone."""
    sampling = Sampling(temperature=temperature, **ways)
    for rows in (logits(), 1e300 * logits(), logits().masked_fill(logits() < 0, -torch.inf)):
        assert torch.equal(sampling.choose(rows, sampling.generator()), rows.argmax(-1))


def test_large_logits_and_temperatures_are_drawn_as_their_ratio_says():
    """exp(l / t) overflows for l / t above 709; only differences of logits count."""
    usual, large = Sampling(temperature=2.0), Sampling(temperature=2e300)
    want = usual.choose(logits(400), usual.generator())
    assert torch.equal(large.choose(1e300 * logits(400), large.generator()), want)
    assert torch.equal(usual.choose(logits(400) + 2000.0, usual.generator()), want)


def test_a_seed_gives_one_text_and_leaves_the_callers_random_numbers():
    model = make()
    torch.manual_seed(11)
    want = torch.rand(3)
    torch.manual_seed(11)
    texts = [generate(model, prompts(), 12, temperature=1.0, seed=seed) for seed in (4, 4, 5)]
    assert torch.equal(torch.rand(3), want)
    assert texts[0] == texts[1] != texts[2]
    assert Sampling(seed=4).generator().initial_seed() == 4


def test_one_generator_draws_all_tokens_of_a_text():
    """Each step takes the next of its numbers."""
    model, text, sampling = make(), prompts()[:1], Sampling(temperature=1.0, seed=4)
    random = sampling.generator()
    for token in generate(model, text, 12, temperature=1.0, seed=4)[0]:
        assert token == sampling.choose(model(text)[:, -1].detach(), random)
        text = torch.cat([text, torch.tensor([[token]])], 1)


def test_stops():
    """Each sequence ends in front of its first stop token; the others go on."""
    model = make()
    whole = generate(model, prompts(), 12, temperature=1.0)
    stop = whole[0][4]
    want = [row[: row.index(stop)] if stop in row else row for row in whole]
    assert generate(model, prompts(), 12, stop=stop, temperature=1.0) == want
    assert len({len(row) for row in want}) > 1


def test_up_to_the_context_limit():
    model = make(positions="learned", max_length=10)
    texts = [generate(model, prompts(), 4, LENGTHS, cached=cached) for cached in (True, False)]
    assert texts[0] == texts[1]
    with pytest.raises(ValueError, match="n_new = 5 tokens after a prompt of 7 would pass the context limit: .* 10"):
        generate(model, prompts(), 5, LENGTHS)


def test_dropout_is_off_and_training_goes_on_after():
    model = make(dropout=0.5).train()
    assert generate(model, prompts(), 9) == generate(model, prompts(), 9)
    assert model.training and model.blocks[0].training


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_stays_also_after_an_error(training):
    model = make(dropout=0.5).train(training)
    generate(model, prompts(), 2)
    assert model.training is model.blocks[0].training is training
    with torch.no_grad():
        model.embedding.W_E.fill_(torch.nan)
    with pytest.raises(ValueError, match="the model's logits must be finite"):
        generate(model, prompts(), 2)
    assert model.training is model.blocks[0].training is training


def test_a_model_gone_wrong_says_so():
    """NaN weights: the loss is NaN, which training looks for; generation stops."""
    model = make()
    with torch.no_grad():
        model.blocks[0].attention.W_O[0, 0] = torch.nan
    assert model(prompts()).isnan().any()
    with pytest.raises(ValueError, match="the model's logits must be finite, got NaN"):
        generate(model, prompts(), 3)
