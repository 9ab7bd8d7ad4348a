"""A whole decoder against what torch counts and what its modules hold, and the roofline by hand."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib import accounting as A
from course_lib.config import GroupedConfig, LatentConfig, LocalLayers, ModelConfig
from course_lib.models import DecoderModel

N, BATCH = 13, 3
SIZES = dict(vocab_size=17, n_layers=3, d_ff=23, ff_bias=False, norm="rms")
GROUPED = GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=10)
LATENT = LatentConfig(d_model=14, n_heads=3, d_latent=11, d_head=7, d_value=5, d_rope=4)
CONFIGS = {
    "grouped": ModelConfig(attention=GROUPED, **SIZES),
    "gated": ModelConfig(attention=GROUPED, feedforward="swiglu", **SIZES),
    "latent": ModelConfig(attention=LATENT, tied=False, **SIZES),
}
CONFIGS["local"] = ModelConfig(
    attention=GROUPED,
    local=LocalLayers(attention=GroupedConfig(d_model=14, n_heads=3, d_head=4, window=5), layers=[0, 2]),
    feedforward="geglu",
    **SIZES,
)
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def counted(model, tokens, caches):
    """FLOPs of a call and of the last token's logits; the MATH backend, because the fused one is not counted."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.logits(model.hidden(tokens, caches)[:, -1])
    return counter.get_total_flops()


@every_config
def test_flops_equal_those_torch_counts(config):
    model, caches = DecoderModel(config).eval(), DecoderModel(config).new_caches()
    tokens = torch.zeros(BATCH, N + 1, dtype=torch.int64)
    assert counted(model, tokens[:, :N], caches) == A.model_prefill(config, N, batch=BATCH).flops
    assert counted(model, tokens[:, N:], caches) == A.model_decode(config, N, batch=BATCH).flops


@every_config
def test_a_step_reads_every_weight_once(config):
    """All matrices; of an embedding that is not tied, single rows only, counted with the activations."""
    matrices = {name: p.numel() for name, p in DecoderModel(config).named_parameters() if p.ndim == 2}
    if not config.tied:
        del matrices["embedding.W_E"]
    step = A.model_decode(config, N, dtype="float32")
    assert step.bytes_by_part["weights"] == 4 * sum(matrices.values())
    layers = [A.decode(attention, N, dtype="float32") for attention in config.attentions]
    assert step.bytes_by_part["cache"] == sum(layer.bytes_by_part["cache"] for layer in layers)
    d, layers = config.d_model, config.n_layers
    assert step.bytes_by_part["activations"] == 4 * (layers * (2 * d + 2 * d) + d + config.vocab_size)


def test_the_form_of_a_latent_model_can_be_chosen():
    config = CONFIGS["latent"]
    expanded = A.model_decode(config, N, form=A.expanded(LATENT))
    assert expanded.flops_by_part["expand"] == 3 * A.decode(A.expanded(LATENT), N).flops_by_part["expand"] > 0
    assert A.model_decode(config, N).flops_by_part["expand"] == 0


def test_roofline_by_hand():
    """A machine of 100 bytes and 400 FLOPs per second, on 10 bytes with 20 FLOPs, and with 80."""
    machine = A.Machine("toy", bandwidth=100.0, flops=400.0)
    moving, computing = (A.Work({"project": flops}, {"weights": 10}) for flops in (20, 80))
    assert machine.ridge == 4
    assert machine.seconds(moving) == 0.1 and machine.seconds(computing) == 0.2
    assert machine.serial_seconds(computing) == pytest.approx(0.1 + 0.2, rel=1e-15)
    assert machine.attainable(moving.intensity) == 200 and machine.attainable(computing.intensity) == 400
    for work in (moving, computing):
        assert machine.seconds(work) == pytest.approx(work.flops / machine.attainable(work.intensity), rel=1e-15)
