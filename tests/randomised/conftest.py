"""Queries, keys, values and weights of a trained model on one text, and matrices with a given spectrum."""

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
    """One head of docs-mha in float64: rotated queries and keys (200, 32), values, scale, and causal weights P."""

    Q: np.ndarray
    K: np.ndarray
    V: np.ndarray
    scale: float
    P: np.ndarray


@pytest.fixture(scope="session")
def heads() -> list[Head]:
    """The first two heads of each of the four layers of docs-mha, on 200 tokens of numpy's documentation."""
    with plain(), torch.no_grad():
        return list(read_heads())


def read_heads():
    held = shipped.load("docs-mha")
    ids = torch.tensor(held.tokenizer.encode(np.linalg.svd.__doc__)[:TOKENS])[None]
    assert ids.shape == (1, TOKENS)
    inputs = []
    for block in held.model.blocks:
        block.attention.register_forward_pre_hook(lambda _, arguments: inputs.append(convert.array(arguments[0][0])))
    held.model(ids)
    for block, X in zip(held.model.blocks, inputs, strict=True):
        layer, places = convert.to_reference(block.attention), np.arange(TOKENS)
        Q, rows = layer.queries(X, places), layer.compress(X, places)
        P = attention_weights(Q, rows["K"], causal_mask(TOKENS, TOKENS), scale=layer.scale)
        for h in (0, 1):
            yield Head(Q[h], rows["K"][h], rows["V"][h], layer.scale, P[h])


@pytest.fixture(scope="session")
def with_spectrum():
    """A function that makes a matrix (m, n) with given singular values and random singular vectors."""

    def make(sigma: np.ndarray, m: int, n: int, seed: int = 0) -> np.ndarray:
        random = np.random.default_rng(seed)
        U, _ = np.linalg.qr(random.normal(size=(m, len(sigma))))
        V, _ = np.linalg.qr(random.normal(size=(n, len(sigma))))
        return (U * sigma) @ V.T

    return make
