import pytest

from capenh_pipeline.demo.descent import prepare_torch


@pytest.fixture
def torch():
    """Torch on one thread, from a known seed."""
    prepare_torch(0)
    import torch

    return torch
