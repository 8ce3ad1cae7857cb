"""The portable profile's square root is the one that IEEE 754 defines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac import exact_sqrt


@pytest.fixture
def installed():
    exact_sqrt.install(True)
    yield
    exact_sqrt.install(False)


@given(st.lists(st.floats(0, width=32), min_size=1, max_size=40), st.sampled_from(["function", "method", "out"]))
def test_every_root_is_correctly_rounded(values, way):
    exact_sqrt.install(True)
    try:
        x = torch.tensor(values, dtype=torch.float32)
        root = {"function": torch.sqrt, "method": torch.Tensor.sqrt}.get(way, lambda v: torch.sqrt(v, out=v.clone()))(x)
    finally:
        exact_sqrt.install(False)
    # numpy's square root is the CPU's instruction; float64's rounds to the same float32 by a theorem (2p + 2 digits).
    assert root.numpy().tobytes() == np.sqrt(x.numpy().astype(np.float64)).astype(np.float32).tobytes()


def test_many_roots_at_once_are_correctly_rounded(installed):
    x = torch.arange(1, 2_000_000, dtype=torch.float32) / 1024
    assert torch.equal(torch.sqrt(x), torch.from_numpy(np.sqrt(x.numpy())))


def test_torchs_own_comes_back():
    own = torch.sqrt
    exact_sqrt.install(True)
    assert exact_sqrt.is_installed()
    exact_sqrt.install(False)
    assert torch.sqrt is own
    assert not exact_sqrt.is_installed()


def test_gradients_are_those_of_a_square_root(installed):
    x = torch.tensor([4.0, 9.0], requires_grad=True)
    torch.sqrt(x).sum().backward()
    assert torch.equal(x.grad, torch.tensor([0.25, 0.5 / 3]))
