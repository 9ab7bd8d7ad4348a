"""What an arm costs: numbers cached per token, measured and from its config, and FLOPs of a decode step."""

import torch

from course_lib.accounting import decode
from course_lib.kernels import cpu
from course_lib.models import DecoderModel

FEW = 8  # tokens that the measured cache holds


def costs(model: DecoderModel) -> dict:
    """Per token and layer: numbers in the cache, measured and accounted; FLOPs of a decode step per cached token."""
    config = model.config.attention
    return {
        "cached": measured_cache(model),
        "cached, accounted": config.floats_per_token,
        "decode FLOPs": decode(config, FEW + 1).flops - decode(config, FEW).flops,
    }


@torch.no_grad()
@cpu.plain()
def measured_cache(model: DecoderModel) -> float:
    """Numbers that a token leaves in the cache of a layer: the bytes of full caches over the bytes of a number."""
    caches = model.new_caches(FEW)
    parameter = next(model.parameters())
    model.prefill(torch.zeros(1, FEW, dtype=torch.long, device=parameter.device), caches)
    return sum(cache.nbytes for cache in caches) / (parameter.element_size() * FEW * len(caches))
