"""Heads of a trained model on one text, a test of means, and matrices with a given spectrum."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from course_lib import convert
from course_lib.kernels.cpu import plain
from course_lib.models import shipped
from course_lib.reference.attention import attention_weights, causal_mask

TOKENS = 200


class Head(NamedTuple):
    """One head in float64: rotated queries and keys (200, 32), values (200, 32), scale, and causal weights P."""

    Q: np.ndarray
    K: np.ndarray
    V: np.ndarray
    scale: float
    P: np.ndarray


@pytest.fixture(scope="session")
def trained() -> list[list[Head]]:
    """The eight heads of each of the four layers of docs-mha, on 200 tokens of numpy's documentation."""
    with plain(), torch.no_grad():
        held = shipped.load("docs-mha")
        ids = torch.tensor(held.tokenizer.encode(np.linalg.svd.__doc__)[:TOKENS])[None]
        assert ids.shape == (1, TOKENS)
        inputs = []
        for block in held.model.blocks:
            block.attention.register_forward_pre_hook(lambda _, given: inputs.append(convert.array(given[0][0])))
        weights = held.model.attention_weights(ids)
        found = [heads_of(block.attention, X) for block, X in zip(held.model.blocks, inputs, strict=True)]
    for layer, P in zip(found, weights, strict=True):  # of the model itself, in float32
        np.testing.assert_allclose(np.stack([head.P for head in layer]), P[0].numpy(), atol=1e-4)
    return found


def heads_of(attention: torch.nn.Module, X: np.ndarray) -> list[Head]:
    """The heads of one layer for inputs X (200, 128)."""
    layer, places = convert.to_reference(attention), np.arange(TOKENS)
    Q, rows = layer.queries(X, places), layer.compress(X, places)
    P = attention_weights(Q, rows["K"], causal_mask(TOKENS, TOKENS), scale=layer.scale)
    return [Head(*parts[:3], layer.scale, parts[3]) for parts in zip(Q, rows["K"], rows["V"], P, strict=True)]


@pytest.fixture(scope="session")
def heads(trained) -> list[Head]:
    """The first two heads of each layer of `trained`."""
    return [head for layer in trained for head in layer[:2]]


@pytest.fixture(scope="session")
def mean_is():
    """A function that tests the mean of independent samples (T, ...) entry by entry, for T >= 200.

    It fails if a mean is further than 5 standard errors from what is expected: by chance with probability 6e-7 for each
    entry, in the normal approximation. It also fails if 5 standard errors are more than `within` times the largest
    expected entry: then it could not see a deviation of that size.
    """

    def check(samples: np.ndarray, expected: np.ndarray, within: float) -> None:
        samples, expected = np.asarray(samples), np.asarray(expected)
        assert len(samples) >= 200 and samples.shape[1:] == expected.shape
        errors = 5 * samples.std(0) / np.sqrt(len(samples))
        assert errors.max() <= within * np.abs(expected).max()
        assert (np.abs(samples.mean(0) - expected) <= errors + 1e-12).all()

    return check


@pytest.fixture(scope="session")
def with_spectrum():
    """A function that makes a matrix (m, n) with given singular values and random singular vectors."""

    def make(sigma: np.ndarray, m: int, n: int, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        U, _ = np.linalg.qr(random.normal(size=(m, len(sigma))))
        V, _ = np.linalg.qr(random.normal(size=(n, len(sigma))))
        return (U * sigma) @ V.T

    return make
