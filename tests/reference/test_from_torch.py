"""Copied layers give what torch's give; biases that could not be copied are refused."""

import numpy as np
import pytest
import torch

from course_lib.reference import from_torch
from course_lib.reference.masks import causal_mask


def transformer(norm_first):
    torch.manual_seed(2)
    sizes = {"d_model": 12, "nhead": 3, "num_encoder_layers": 2, "num_decoder_layers": 3, "dim_feedforward": 17}
    theirs = torch.nn.Transformer(**sizes, dropout=0.0, batch_first=True, norm_first=norm_first).double().eval()
    for name, weight in theirs.named_parameters():
        if "norm" in name or "linear" in name:  # gains away from 1, biases away from 0
            torch.nn.init.normal_(weight, mean=1.0 if "norm" in name else 0.0, std=0.3)
    return theirs


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_copied_transformer_equals_torch_s(norm_first):
    theirs, rng = transformer(norm_first), np.random.default_rng(0)
    source, target = rng.normal(size=(9, 12)), rng.normal(size=(5, 12))
    with torch.no_grad():
        hidden = torch.from_numpy(~causal_mask(5, 5))
        Y = theirs(torch.from_numpy(source)[None], torch.from_numpy(target)[None], tgt_mask=hidden)[0]
    np.testing.assert_allclose(from_torch.transform(theirs, source, target), Y.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["in_proj_bias", "out_proj.bias"])
def test_biases_of_the_attention_are_refused(name):
    theirs = transformer(norm_first=False).encoder.layers[0]
    bias = dict(theirs.self_attn.named_parameters())[name]
    torch.nn.init.constant_(bias, 0.1)
    with pytest.raises(ValueError, match=f"{name} must be zero"):
        from_torch.encoder_layer(theirs)
