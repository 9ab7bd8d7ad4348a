"""Bad input to figure 10: each message names argument, value and rule."""

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.widgets.head_sharing import HeadSharing

GROUPED = GroupedConfig(d_model=12, n_heads=6, d_head=2)


def decoder(attention, layers=1):
    return DecoderModel(ModelConfig(vocab_size=70, n_layers=layers, attention=attention, d_ff=8))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((6, 4, 1), r"counts must fall from 6, each a divisor of it, got \[6, 4, 1\]"),
        ((6, 1, 2), r"counts must fall from 6, .* got \[6, 1, 2\]"),
        ((3, 1), r"counts must fall from 6, .* got \[3, 1\]"),
        ((6,), r"counts must fall from 6, .* got \[6\]"),
        ((6, 0), r"counts must fall from 6, .* got \[6, 0\]"),
        ((6, 2.0), r"counts must fall from 6, .* got \[6, 2.0\]"),
    ],
)
def test_counts(counts, message):
    with pytest.raises(ValueError, match=message):
        HeadSharing(decoder(GROUPED), range(5), list("abcde"), counts=counts)


@pytest.mark.parametrize("ids", [[1], range(65), [[1, 2]], torch.ones(5)])
def test_ids(ids):
    with pytest.raises(ValueError, match="ids must be 2 to 64 whole numbers, got shape"):
        HeadSharing(decoder(GROUPED), ids, list("abcde"))


def test_models():
    grouped = decoder(GroupedConfig(d_model=12, n_heads=6, n_kv_heads=2, d_head=2))
    with pytest.raises(ValueError, match="model must have 6 KV heads, one for each query head, got 2"):
        HeadSharing(grouped, range(5), list("abcde"))
    latent = decoder(LatentConfig(d_model=12, n_heads=2, d_latent=3, d_head=4))
    with pytest.raises(ValueError, match="model must have grouped attention, with KV heads, got a LatentConfig"):
        HeadSharing(latent, range(5), list("abcde"))
    with pytest.raises(ValueError, match="model must be a DecoderModel, got str"):
        HeadSharing("docs-mha", range(5), list("abcde"))


def test_tokens_and_size():
    with pytest.raises(ValueError, match="tokens must"):
        HeadSharing(decoder(GROUPED), range(5), list("abcd"))
    with pytest.raises(ValueError, match="all maps must have at most 300,000 cells, got 374,400: take fewer tokens"):
        HeadSharing(decoder(GROUPED, layers=3), range(64), [str(i) for i in range(64)])


def test_a_number_of_kv_heads_that_is_not_there():
    figure = HeadSharing(decoder(GROUPED), range(5), list("abcde"))
    with pytest.raises(ValueError, match=r"n_kv_heads must be one of \[6, 3, 2, 1\], got 4"):
        figure.n_kv_heads = 4
