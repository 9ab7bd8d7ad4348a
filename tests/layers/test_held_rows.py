"""What a cache holds: rows without gradients, zeros behind them, and after a refusal what it held before."""

import pytest
import torch

from course_lib.config import AlibiLatentConfig, GroupedConfig, Rope
from course_lib.kernels.cpu import zeros
from course_lib.layers import Cache, GroupedQueryAttention, WindowCache
from course_lib.models.blocks import CAUSAL, new_attention

LAYER = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), window=5))
ALIBI = new_attention(AlibiLatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, window=5), CAUSAL)
NEW = [Cache, lambda: Cache(30), lambda: WindowCache(5), lambda: WindowCache(5, spare=3)]
every_cache = pytest.mark.parametrize("new", NEW, ids=["growing", "fixed", "ring", "ring with spare rows"])


def rows(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(got, want):
    """Sums of tens of terms of size 1 in float64."""
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@every_cache
@pytest.mark.parametrize("lengths", [None, torch.tensor([3, 1])])
def test_held_rows_carry_no_gradients(new, lengths):
    cache = new()
    cache.append({"K": rows(2, 3, 5).requires_grad_()}, lengths)
    assert not any(buffer.requires_grad for buffer in cache._buffers.values())


def test_new_memory_is_zero():
    """Torch gives memory back at once that was just freed, here with NaN in it."""
    for _ in range(20):
        torch.full((3, 5), torch.nan, dtype=torch.float64)
        assert bool((zeros(rows(1), (3, 5)) == 0).all())


@every_cache
@pytest.mark.parametrize("other", [rows(2, 1, 5).float(), rows(2, 1, 5).to("meta"), rows(2, 1, 4), rows(2, 2, 1, 5)])
def test_rows_unlike_those_held_are_refused(new, other):
    cache = new()
    cache.append({"K": rows(2, 3, 5)})
    with pytest.raises(ValueError, match="rows must be like those held"):
        cache.append({"K": other})
    assert cache.counts == (3, 3)


@pytest.mark.parametrize("counts", [[1, 3], [3, 1]])
def test_a_ragged_call_past_the_capacity_changes_nothing(counts):
    cache = Cache(5)
    held, _ = cache.append({"K": rows(2, 4, 5)}, torch.tensor([3, 4]) if counts == [3, 1] else torch.tensor([4, 3]))
    before, held = cache.counts, held["K"].clone()
    with pytest.raises(ValueError, match="capacity of 5 tokens, and [67] are needed"):
        cache.append({"K": rows(2, 3, 5, seed=1)}, torch.tensor(counts))
    assert cache.counts == before
    close(cache._buffers["K"][:, :4], held)


@every_cache
def test_padding_is_not_written(new):
    """Behind the tokens of a sequence the memory stays as it was."""
    cache = new()
    cache.append({"K": rows(2, 4, 5)}, torch.tensor([4, 2]))
    assert cache._buffers["K"][0, :4].all() and cache._buffers["K"][1, :2].all()
    assert not cache._buffers["K"][1, 2:].any()


def test_padding_may_stand_past_the_capacity():
    cache = Cache(4)
    cache.append({"K": rows(2, 3, 5)}, torch.tensor([3, 1]))
    cache.append({"K": rows(2, 3, 5, seed=1)}, torch.tensor([1, 3]))
    assert cache.counts == (4, 4) and cache.allocated == 4
    close(cache._buffers["K"][0, 3:], rows(2, 3, 5, seed=1)[0, :1])


@every_cache
@pytest.mark.parametrize("layer", [LAYER, ALIBI], ids=["grouped", "biases"])
def test_a_mask_of_ragged_sequences_speaks_of_positions(new, layer):
    """Sequences of 6 and 2 tokens go on with 1 and 3; the mask has a column for each of 7 positions."""
    layer, cache, X, mask = layer.double(), new(), rows(2, 6, 14), torch.rand(2, 3, 7) < 0.6
    later, lengths = rows(2, 3, 14, seed=1), torch.tensor([1, 3])
    layer(X, cache, lengths=torch.tensor([6, 2]))
    Y = layer(later, cache, lengths=lengths, mask=mask)
    for i, (held, n) in enumerate(((6, 1), (2, 3))):
        whole = torch.ones(held + n, held + n, dtype=torch.bool)
        whole[held:] = mask[i, :n, : held + n]
        close(Y[i, :n], layer(torch.cat([X[i, :held], later[i, :n]])[None], mask=whole)[0, held:].detach())


@every_cache
def test_a_batch_reordered_in_inference_mode_goes_on_outside(new):
    cache, X, order = new(), rows(2, 9, 14), [1, 0, 1]
    layer = LAYER.double()
    layer(X[:, :7], cache)
    with torch.inference_mode():
        cache.reorder(order)
    close(layer(X[order, 7:], cache), layer(X[order])[:, 7:].detach())


@every_cache
def test_a_smaller_batch_of_the_same_rows_is_served_after_a_reset(new):
    """The memory of four sequences would give rows of four."""
    cache = new()
    cache.append({"K": rows(4, 3, 5)})
    cache.reset()
    held, _ = cache.append({"K": rows(2, 1, 5)})
    assert len(held["K"]) == 2


def test_a_reorder_may_leave_no_sequence():
    """As when the last of several generations has ended."""
    cache = Cache()
    cache.append({"K": rows(2, 3, 5)})
    cache.reorder([])
    assert cache.counts == () and cache.length == 0 and len(cache._buffers["K"]) == 0


def test_a_layer_may_see_less_than_a_ring_keeps():
    near = GroupedQueryAttention(GroupedConfig(d_model=14, n_heads=6, d_head=4, window=3)).double()
    cache, X = WindowCache(5), rows(2, 9, 14)
    close(torch.cat([near(x, cache) for x in X.split([4, 1, 4], 1)], 1), near(X).detach())
