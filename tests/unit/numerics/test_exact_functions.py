"""The portable profile's functions round as no CPU's vendor decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.numerics import exact_functions

ANGLES = {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
REFERENCES = {**ANGLES, "sqrt": np.sqrt}
NAMES = [*REFERENCES, "arcsin", "arccos", "arctan"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.125, -0.125, 1 / 32, 0.5, np.inf, -np.inf, np.nan, 2.0, -2.0]


@pytest.fixture
def installed():
    exact_functions.install(True)
    yield
    exact_functions.install(False)


def inputs(name: str, dtype: type) -> np.ndarray:
    """Everywhere in the function's domain, crowded where it is steep or tiny."""
    random = np.random.default_rng(7)
    near = 10.0 ** random.uniform(-14, 0, 40_000)
    inside = np.concatenate([random.uniform(-1, 1, 100_000), 1 - near, near - 1, near, SPECIAL])
    wide = np.concatenate([inside, 1 / near, random.uniform(-40, 40, 50_000)])
    return (np.abs(wide) if name == "sqrt" else wide if name == "atan" else inside).astype(dtype)


def ulp_off(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest distance from numbers of more digits, in units of the last place of `found`."""
    finite = np.isfinite(exact)
    size = np.spacing(np.abs(exact[finite]).astype(found.dtype)).astype(exact.dtype)
    return float(np.max(np.abs(found[finite].astype(exact.dtype) - exact[finite]) / size))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype, wider", [(np.float32, np.float64), (np.float64, np.longdouble)])
@pytest.mark.parametrize("name", REFERENCES)
def test_a_result_is_the_number_nearest_to_the_truth(installed, name, dtype, wider):
    x = inputs(name, dtype)
    found = getattr(torch, name)(torch.from_numpy(x)).numpy()
    assert found.dtype == dtype
    exact = REFERENCES[name](x.astype(wider))
    # Half a unit is the best that there is; the rest is the reference's own error.
    assert ulp_off(found, exact) < 0.51
    assert np.array_equal(np.isnan(found), np.isnan(exact))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", REFERENCES)
def test_special_values_give_what_torch_gives(name):
    x = torch.tensor(SPECIAL)
    own = getattr(torch, name)(x)
    exact_functions.install(True)
    try:
        found = getattr(torch, name)(x)
    finally:
        exact_functions.install(False)
    assert torch.allclose(found, own, rtol=1e-6, atol=0, equal_nan=True)
    assert torch.equal(torch.signbit(found[:2]), torch.signbit(own[:2])), "zeros keep their sign"


@given(st.lists(st.floats(0, width=32), min_size=1, max_size=40), st.sampled_from(["function", "method", "out"]))
def test_every_root_is_correctly_rounded(values, way):
    exact_functions.install(True)
    try:
        x = torch.tensor(values, dtype=torch.float32)
        root = {"function": torch.sqrt, "method": torch.Tensor.sqrt}.get(way, lambda v: torch.sqrt(v, out=v.clone()))(x)
    finally:
        exact_functions.install(False)
    # numpy's square root is the CPU's instruction; float64's rounds to the same float32 by a theorem (2p + 2 digits).
    assert root.numpy().tobytes() == np.sqrt(x.numpy().astype(np.float64)).astype(np.float32).tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4)])
def test_function_method_and_out_agree_on_any_shape(installed, name, shape):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(3))
    expected = getattr(torch, name)(x)
    assert expected.shape == x.shape and expected.dtype == x.dtype
    assert torch.equal(getattr(x, name)(), expected)
    assert torch.equal(getattr(torch, name)(x, out=torch.empty_like(x)), expected)
    assert torch.equal(getattr(torch, name)(x.expand(2, *shape).mT[..., 0] if len(shape) == 1 else x), expected)


def test_torchs_own_come_back():
    own = {name: getattr(torch, name) for name in NAMES}
    exact_functions.install(True)
    assert exact_functions.is_installed()
    assert all(getattr(torch, name) is not own[name] for name in NAMES)
    exact_functions.install(False)
    assert all(getattr(torch, name) is own[name] for name in NAMES)
    assert not exact_functions.is_installed()


def test_one_that_is_missing_is_noticed(installed):
    torch.acos = torch.asin
    assert not exact_functions.is_installed()


def test_gradients_are_those_of_torchs_own(installed):
    x = torch.tensor([0.25, 0.81], requires_grad=True)
    torch.sqrt(x).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([1.0, 0.5 / 0.9]))
    assert torch.acos(x).grad_fn is not None


def test_whole_numbers_are_left_to_torch(installed):
    assert torch.equal(torch.sqrt(torch.tensor([4, 9])), torch.tensor([2.0, 3.0]))
