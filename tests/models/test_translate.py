"""Beam search against exhaustive search on a tiny vocabulary, and the same targets with and without cache."""

from itertools import product

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import Target, TranslationModel, translate

SOURCES, LENGTHS = 13, torch.tensor([7, 3, 5])
CONFIGS = {
    "grouped": GroupedConfig(d_model=18, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope()),
    "latent": LatentConfig(d_model=18, n_heads=3, d_latent=10, d_head=7, d_rope=4),
}


def make(vocab_size, name="grouped", seed=0, **keywords):
    """A model whose choices hang on the whole of source and target: sublayers add much, logits are large."""
    torch.manual_seed(seed)
    common = dict(n_layers=2, attention=CONFIGS[name], d_ff=23, placement="peri", tied=False) | keywords
    configs = (ModelConfig(vocab_size=size, **common) for size in (SOURCES, vocab_size))
    model = TranslationModel(*configs).double().eval()
    with torch.no_grad():
        model.norm.gamma.fill_(1.5)
    return model


def sources():
    return torch.randint(SOURCES, (3, 7), generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def means(model, source, target, rows):
    """The mean of log p per token of targets of one length, given one source."""
    rows = torch.tensor(rows)
    text = torch.cat([torch.full((len(rows), 1), target.begin), rows], 1)
    scores = model(source.expand(len(rows), -1), text[:, :-1]).log_softmax(-1)
    return scores.gather(-1, rows[..., None]).mean((1, 2)).tolist()


def every(target, size):
    """All targets by length: those that end, and at the longest length those cut there."""
    others = [token for token in range(size) if token != target.end]
    for n in range(1, target.longest + 1):
        yield [(*row, target.end) for row in product(others, repeat=n - 1)]
    yield list(product(others, repeat=target.longest))


def test_enough_beams_search_everything():
    """Four tokens, targets of at most four: 3^3 living targets are continued by 4 tokens at the last step."""
    target, lost = Target(begin=0, end=2, longest=4), 0
    for seed in range(5):
        model = make(4, seed=seed)
        found = translate(model, sources(), target, LENGTHS, beams=108)
        for row, source, n in zip(found, sources(), LENGTHS, strict=True):
            scored = []
            for rows in every(target, 4):
                scored += zip(means(model, source[None, :n], target, rows), rows, strict=True)
            assert row == [token for token in max(scored)[1] if token != target.end]
        lost += found != translate(model, sources(), target, LENGTHS)
    assert lost > 0  # a greedy search would not have passed


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_greedy(seed):
    model, target = make(11, seed=seed), Target(begin=0, end=2, longest=6)
    for row, source in zip(translate(model, sources(), target), sources(), strict=True):
        text = torch.tensor([[target.begin]])
        while text.shape[1] <= target.longest and text[0, -1] != target.end:
            text = torch.cat([text, model(source[None], text)[:, -1:].argmax(-1)], 1)
        assert row == [token for token in text[0, 1:].tolist() if token != target.end]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("beams", [1, 3])
def test_the_cache_changes_no_token(name, beams):
    model, target = make(11, name), Target(begin=0, end=2, longest=8)
    cached = translate(model, sources(), target, LENGTHS, beams=beams)
    assert cached == translate(model, sources(), target, LENGTHS, beams=beams, cached=False)
    for row, source, n in zip(cached, sources(), LENGTHS, strict=True):
        assert translate(model, source[None, :n], target, beams=beams) == [row]


@torch.no_grad()
def one_by_one(model, source, target, beams):
    """Beam search with lists, without batches: (sum of log p, tokens)."""
    living, complete = [(0.0, ())], []
    for _ in range(target.longest):
        longer = []
        for total, row in living:
            scores = model(source[None], torch.tensor([[target.begin, *row]]))[0, -1].log_softmax(-1)
            longer += [(total + score, (*row, token)) for token, score in enumerate(scores.tolist())]
        kept = sorted(longer, reverse=True)[:beams]
        living = [(total, row) for total, row in kept if row[-1] != target.end]
        complete += [(total / len(row), row) for total, row in kept if row[-1] == target.end]
    best = max(complete + [(total / len(row), row) for total, row in living])[1]
    return [token for token in best if token != target.end]


@pytest.mark.parametrize("beams", [2, 3, 5])
def test_beams_equal_a_search_with_lists(beams):
    target = Target(begin=0, end=2, longest=5)
    for seed in range(2):
        model = make(7, seed=seed)
        want = [one_by_one(model, source, target, beams) for source in sources()]
        assert translate(model, sources(), target, beams=beams) == want


def test_up_to_the_context_limit():
    model = make(11, positions="learned", max_length=7)
    translate(model, sources(), Target(begin=0, end=2, longest=7), beams=2)
    with pytest.raises(ValueError, match="a target of longest = 8 tokens would pass the context limit: .* 7 tokens"):
        translate(model, sources(), Target(begin=0, end=2, longest=8), beams=2)
