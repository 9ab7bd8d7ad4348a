"""Each test of the layers draws from its own start of torch's generator, whichever tests ran before it."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
