"""Fixtures of the benchmarks' tests."""

import pytest
import torch


@pytest.fixture(autouse=True)
def threads():
    """The commands set torch's threads, and other tests shall not notice."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
