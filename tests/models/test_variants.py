"""Every attention variant with every position scheme and placement: causality, the cache, and what a sequence is."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.layers import Cache, WindowCache
from course_lib.models import DecoderModel, TranslationModel, generate

# float64 sums of tens of terms of size 1 in another order, through two layers: about 1e-14.
EXACT = dict(rtol=0, atol=1e-12)
VOCAB, N = 29, 11
SIZES = dict(d_model=18, n_heads=6)
ATTENTION = {
    "multi-head": GroupedConfig(**SIZES, d_head=4, bias=True),
    "grouped": GroupedConfig(**SIZES, n_kv_heads=2, d_head=4, qk_norm=True),
    "multi-query": GroupedConfig(**SIZES, n_kv_heads=1, d_head=4),
    "windowed": GroupedConfig(**SIZES, n_kv_heads=3, d_head=4, window=4),
    "latent": LatentConfig(**SIZES, d_latent=10, d_head=5, d_value=3, d_latent_q=7, latent_norm=True),
    "latent, windowed": LatentConfig(**SIZES, d_latent=10, d_head=5, window=4),
}
POSITIONS = ("none", "sinusoidal", "learned", "rotary")
PLACEMENTS = ("post", "pre", "peri")
ALL = pytest.mark.parametrize("name, positions, placement", list(product(ATTENTION, POSITIONS, PLACEMENTS)))


def config(name, positions="none", placement="pre", **keywords):
    attention, added = ATTENTION[name], positions
    if positions == "rotary":
        rotated = {"d_rope": 4} if isinstance(attention, LatentConfig) else {}
        attention, added = replace(attention, rope=Rope(base=50.0), **rotated), "none"
    common = dict(n_layers=2, attention=attention, d_ff=23, positions=added, placement=placement, max_length=N + 3)
    common |= {"norm": "rms", "feedforward": "swiglu"} if placement == "peri" else {}
    return ModelConfig(vocab_size=VOCAB, **(common | keywords))


def make(*arguments, **keywords):
    torch.manual_seed(0)
    return DecoderModel(config(*arguments, **keywords)).double().eval()


def tokens(batch=2):
    return torch.randint(VOCAB, (batch, N), generator=torch.Generator().manual_seed(7))


def close(got, want):
    torch.testing.assert_close(got, want, **EXACT)


@ALL
def test_chunks_equal_one_call_and_see_nothing_later(name, positions, placement):
    model = make(name, positions, placement)
    whole, caches = model(tokens()).detach(), model.new_caches()
    close(torch.cat([model(chunk, caches) for chunk in tokens().split([4, 1, 5, 1], 1)], 1), whole)
    changed = tokens()
    changed[:, 6:] = (changed[:, 6:] + 1) % VOCAB
    after = model(changed)
    close(after[:, :6], whole[:, :6])
    assert (after[:, 6:] - whole[:, 6:]).abs().amax(-1).min() > 1e-6


@ALL
def test_prefill_in_chunks_and_decode_give_the_last_row_of_all(name, positions, placement):
    model = make(name, positions, placement)
    whole, caches = model(tokens()).detach(), model.new_caches()
    close(model.prefill(tokens(), None), whole[:, -1])
    for read, start, stop in ((model.prefill, 0, 6), (model.decode, 6, 7), (model.prefill, 7, N)):
        logits = read(tokens()[:, start:stop], caches)
        close(logits, whole[:, stop - 1])
        assert not logits.requires_grad
    assert [cache.length for cache in caches] == [N, N]


@ALL
def test_prefill_of_ragged_prompts_gives_each_ones_last_row(name, positions, placement):
    model, lengths = make(name, positions, placement), torch.tensor([N, 4])
    for caches in (None, model.new_caches()):
        logits = model.prefill(tokens(), caches, lengths)
        for i, length in enumerate(lengths.tolist()):
            close(logits[i], model(tokens()[i : i + 1, :length])[0, -1])
    both, rest = model.new_caches(), torch.tensor([1, 3])
    model.prefill(tokens(), both, torch.tensor([4, 6]))
    again = torch.stack([tokens()[0, 4:7], tokens()[1, 6:9]])
    logits = model.prefill(again, both, rest)
    close(logits[0], model(tokens()[:1, :5])[0, -1])
    close(logits[1], model(tokens()[1:, :9])[0, -1])


@pytest.mark.parametrize("name", ATTENTION)
def test_prefill_costs_a_layer_less_than_all_rows(name):
    """For all tokens but the last, the last layer multiplies neither W_Q nor W_O nor its feed-forward network."""
    model, flops = make(name), []
    for read in (model, model.prefill):
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused, it counts as nothing
            read(tokens(1), model.new_caches())
        flops.append(counter.get_total_flops())
    block = model.blocks[-1]
    answers = [W for key, W in block.attention.named_parameters() if key in ("W_Q", "W_LQ", "W_LQQ", "W_O")]
    spared = sum(W.numel() for W in [*answers, *block.feed_forward.parameters()] if W.ndim == 2)
    assert flops[0] - flops[1] >= 2 * (N - 1) * spared


@ALL
def test_ragged_prompts_with_and_without_cache(name, positions, placement):
    model, lengths = make(name, positions, placement, tied=False), torch.tensor([N, 4])
    cached = generate(model, tokens(), 3, lengths)
    assert cached == generate(model, tokens(), 3, lengths, cached=False)
    assert cached[1] == generate(model, tokens()[1:, :4], 3)[0]


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize("positions", POSITIONS)
def test_translation_with_and_without_cache(name, positions):
    torch.manual_seed(0)
    model = TranslationModel(config(name, positions), config(name, positions, "post")).double().eval()
    source, lengths = tokens(), torch.tensor([N, 4])
    memory, caches = model.encode(source, lengths), model.new_caches()
    parts = [model.logits(model.hidden(chunk, memory, caches)) for chunk in tokens().split([3, 1, 7], 1)]
    close(torch.cat(parts, 1), model(source, tokens(), lengths).detach())


@pytest.mark.parametrize("positions", POSITIONS)
def test_order_counts_only_with_positions(positions):
    """The last of the tokens sees the same set; without positions one layer does not know in which order."""
    model, swapped = make("multi-head", positions, n_layers=1), tokens()[:, [3, 1, 2, 0, *range(4, N)]]
    gap = (model(swapped) - model(tokens()))[:, -1].abs().max()
    assert gap < 1e-12 if positions == "none" else gap > 1e-4


@pytest.mark.parametrize("kind, copies", [(True, 1), (False, 2)], ids=["tied", "untied"])
def test_tied_weights_are_one_matrix(kind, copies):
    """The gradient of a tied embedding comes from both its uses: tokens that were not read learn as outputs."""
    model = make("grouped", tied=kind)
    large = [weight for weight in model.parameters() if sorted(weight.shape) == [18, VOCAB]]
    assert len(large) == copies
    model(tokens()[:1, :5]).square().sum().backward()
    unread = torch.ones(VOCAB, dtype=torch.bool).scatter(0, tokens()[0, :5], False)
    assert bool((model.embedding.W_E.grad[unread] != 0).any()) is kind


def test_tied_logits_are_inner_products_with_the_embedding():
    tied, untied = make("grouped"), make("grouped", tied=False)
    untied.load_state_dict(tied.state_dict() | {"unembedding.W_U": tied.embedding.W_E.T})
    close(untied(tokens()), tied(tokens()))


@pytest.mark.parametrize("chunks", [[4, 1, 5, 1], [7, 4]])
def test_layers_may_have_caches_of_different_kinds(chunks):
    """A cache of all rows and rings of two sizes hold the same keys in other places."""
    model = make("windowed", "rotary", n_layers=3)
    whole, window = model(tokens()).detach(), model.config.attention.window
    caches = [WindowCache(window, spare=2), Cache(), WindowCache(window)]
    close(torch.cat([model(chunk, caches) for chunk in tokens().split(chunks, 1)], 1), whole)
