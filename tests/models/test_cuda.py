"""On a CUDA device every kind of attention prefills, decodes and trains as on the CPU, in float32 to 1e-4.

Where there is no such device these tests are skipped, and the course runs on the CPU alone.
"""

import copy

import pytest
import torch
import torch.nn.functional as F

from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
)
from course_lib.models import DecoderModel

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CLOSE = dict(rtol=1e-4, atol=1e-4)  # float32, sums of up to 128 products of size 1 in another order
SIZES = dict(d_model=64, n_heads=4)
LATENT = dict(**SIZES, d_latent=32, d_head=16, latent_norm=True)
KINDS = {
    "multi-head": GroupedConfig(**SIZES, rope=Rope()),
    "grouped": GroupedConfig(**SIZES, n_kv_heads=2, rope=Rope(), qk_norm=True, bias=True),
    "windowed": GroupedConfig(**SIZES, n_kv_heads=1, rope=Rope(), window=8),
    "latent": LatentConfig(**LATENT, d_rope=8, d_latent_q=24),
    "partly rotary": RotaryLatentConfig(**LATENT, turned=8),
    "rotated keys": RotatedKeysConfig(**LATENT),
    "biases": AlibiLatentConfig(**LATENT),
    "normalised keys": NormalisedKeysConfig(**LATENT),
}
TOKENS = torch.randint(61, (3, 21), generator=torch.Generator().manual_seed(1))
LENGTHS = torch.tensor([20, 7, 13])


def models(kind):
    """A model on the CPU, and the same one on the device."""
    torch.manual_seed(0)
    sizes = dict(vocab_size=61, n_layers=2, d_ff=96, feedforward="swiglu", norm="rms")
    here = DecoderModel(ModelConfig(attention=KINDS[kind], **sizes))
    return here, copy.deepcopy(here).cuda()


def close(there, here):
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), here, **CLOSE)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["even", "ragged"])
@pytest.mark.parametrize("kind", KINDS)
def test_prefill_and_decode(kind, lengths):
    here, there = (model.eval() for model in models(kind))
    caches = here.new_caches(), there.new_caches()
    close(
        there.prefill(TOKENS[:, :20].cuda(), caches[1], lengths if lengths is None else lengths.cuda()),
        here.prefill(TOKENS[:, :20], caches[0], lengths),
    )
    for step in range(3):
        token = TOKENS[:, step : step + 1]
        close(there.decode(token.cuda(), caches[1]), here.decode(token, caches[0]))
    assert [cache.nbytes for cache in caches[1]] == [cache.nbytes for cache in caches[0]]


@pytest.mark.parametrize("kind", KINDS)
def test_training(kind):
    """The loss and every gradient of a step, and the loss after two steps of AdamW."""
    losses = []
    for model in models(kind):
        device = next(model.parameters()).device
        tokens, optimiser, found = TOKENS.to(device), torch.optim.AdamW(model.parameters(), 1e-3), []
        for _ in range(3):
            optimiser.zero_grad()
            loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
            loss.backward()
            found += (
                [loss.detach().cpu(), *(weight.grad.cpu() for weight in model.parameters())]
                if not found
                else [loss.detach().cpu()]
            )
            optimiser.step()
        losses.append(found)
    for there, here in zip(losses[1], losses[0], strict=True):
        torch.testing.assert_close(there, here, **CLOSE)


@pytest.mark.parametrize("form", ["expanded", "absorbed"])
def test_both_forms_of_a_latent_layer(form):
    here, there = (model.eval().blocks[0].attention for model in models("latent"))
    X = torch.randn(2, 9, 64, generator=torch.Generator().manual_seed(2))
    close(there(X.cuda(), form=form), here(X, form=form))
