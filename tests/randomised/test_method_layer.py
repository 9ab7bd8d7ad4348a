"""Methods in place of the heads of a trained model, and the loss that they cost."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.kernels.cpu import plain
from course_lib.models import DecoderModel, shipped
from course_lib.randomised.column_sampling import proportional_to
from course_lib.randomised.feature_attention import causal_linear_attention
from course_lib.randomised.feature_layer import with_features
from course_lib.randomised.leverage import prefix_leverage_scores
from course_lib.randomised.lsh import colliding_pairs, hash_codes, hyperplanes
from course_lib.randomised.method_layer import with_method
from course_lib.randomised.random_features import positive_features, share_scale
from course_lib.randomised.self_normalised import self_normalised_attention
from course_lib.reference.attention import attention, causal_mask

N = 200
CAUSAL, ITSELF = causal_mask(N, N), np.eye(N, dtype=bool)


def exact(Q, K, V, random):
    return attention(Q, K, V, causal_mask(len(Q), len(K)))


def new_model(**changes) -> DecoderModel:
    torch.manual_seed(1)
    attention = GroupedConfig(**dict(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope(), bias=True) | changes)
    return DecoderModel(ModelConfig(vocab_size=23, n_layers=2, attention=attention, d_ff=20)).double().eval()


def test_exact_attention_in_numpy_is_the_model():
    """Two texts, grouped heads, another scale than the default: the same logits, and the model is left as it was."""
    model, ids = new_model(scale=0.3), torch.randint(23, (2, 9), generator=torch.Generator().manual_seed(2))
    before = model(ids).detach()
    torch.testing.assert_close(with_method(model, exact, np.random.default_rng(3))(ids), before, rtol=0, atol=1e-10)
    assert (model(ids) == before).all()


def test_features_as_a_method_are_the_layer_with_these_features():
    model, ids = new_model(n_kv_heads=1), torch.randint(23, (1, 9), generator=torch.Generator().manual_seed(4))
    model = with_features(model, 8, np.random.default_rng(5))
    directions = [block.attention.directions for block in model.blocks]
    directions[1].copy_(directions[0])
    W = directions[0][0].numpy()

    def method(Q, K, V, random):
        return causal_linear_attention(*(positive_features(X, W) for X in share_scale(Q, K)), V)[0]

    found = with_method(new_model(n_kv_heads=1), method, np.random.default_rng(7))(ids)
    torch.testing.assert_close(found, model(ids).detach(), rtol=0, atol=1e-10)


def uniform_keys(Q, K, V, random):
    """64 keys of 200, drawn uniformly."""
    return self_normalised_attention(Q, K, V, proportional_to(np.ones(N)), 64, random, CAUSAL)


def hashed(Q, K, V, random):
    """8 tables of 6 bits, and each token itself."""
    H = hyperplanes(8, 6, Q.shape[1], random)
    return attention(Q, K, V, CAUSAL & (ITSELF | colliding_pairs(hash_codes(Q, H), hash_codes(K, H))))


def high_leverage(Q, K, V, random):
    """Keys of leverage above 0.3 within their prefix, 52 % of all as a mean over the heads, and each token itself."""
    return attention(Q, K, V, CAUSAL & (ITSELF | (prefix_leverage_scores(K, 1.0) > 0.3)))


@pytest.mark.parametrize(
    "method, least, most",
    [(exact, -1e-3, 1e-3), (uniform_keys, 0.7, 4), (hashed, 0.5, 3), (high_leverage, 0.1, 1)],
)
def test_loss_of_the_shipped_model(method, least, most):
    """The rise of the loss of docs-mha on one text, in nats per token; the bounds leave room for other versions of it.

    Measured: 0.00, 1.68, 1.29 and 0.36, with a loss of 2.94 of the model itself. No method was trained for.
    """
    held = shipped.load("docs-mha")
    ids = torch.tensor(held.tokenizer.encode(np.linalg.svd.__doc__)[:N])[None]

    def loss(model) -> float:
        with plain(), torch.no_grad():
            return torch.nn.functional.cross_entropy(model(ids)[0, :-1], ids[0, 1:]).item()

    rise = loss(with_method(held.model, method, np.random.default_rng(8))) - loss(held.model)
    assert least < rise < most
