"""Matrix products: on whole numbers, where float32 is exact, each way gives what the definition gives."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sac.learner.factory import learner_kind
from sac.numerics import fixed_order, machine, matmul
from sac.numerics.matmul import BlasMatmul, OneDnnMatmul, matmul_name
from tests.examples import fewer

pytestmark = pytest.mark.usefixtures("one_thread")

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
WAYS = [OneDnnMatmul, BlasMatmul]
each_way = pytest.mark.parametrize("way", WAYS)
LARGEST = 600
sizes = st.tuples(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))


def whole(*shape):
    """Whole numbers so small that sums of 40 products fit into float32's 24 bits, and too large for bfloat16's 8."""
    return arrays(np.int64, shape, elements=st.integers(-LARGEST, LARGEST))


layers = sizes.flatmap(lambda n: st.tuples(whole(n[0], n[1]), whole(n[1], n[2]), whole(n[2])))
batched_layers = st.tuples(sizes, st.booleans()).flatmap(
    lambda given: st.tuples(
        whole(*([2] if given[1] else []), given[0][0], given[0][1]),
        whole(2, given[0][1], given[0][2]),
        whole(2, 1, given[0][2]),
    )
)


def floats(*values):
    return [torch.from_numpy(value.astype(np.float32)) for value in values]


def assert_exactly(found, expected):
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), expected.astype(np.float32)), f"{found} instead of {expected}"


@each_way
@given(layers, st.booleans())
@fewer(2)
def test_a_layer_is_x_times_w_plus_b_through_a_relu_where_asked(way, layer, relu):
    x, weight, bias = layer
    expected = x @ weight + bias
    assert_exactly(way().linear(*floats(*layer), relu=relu), np.maximum(expected, 0) if relu else expected)


@each_way
@given(layers)
@fewer(2)
def test_gradients_of_a_layer_are_those_of_the_definition(way, layer):
    x, weight, bias = layer
    gradient = x @ weight - bias
    gradient %= LARGEST
    x32, weight32, gradient32 = floats(x, weight, gradient)
    assert_exactly(way().input_gradient(gradient32, weight32), gradient @ weight.T)
    out = torch.full((weight.shape[0], weight.shape[1]), torch.nan)
    way().weight_gradient(x32, gradient32, out)
    assert_exactly(out, x.T @ gradient)


@given(batched_layers, st.booleans())
@fewer(2)
def test_a_batched_layer_is_one_layer_for_each_member(layer, relu):
    """x is shared by the members, or each has its own."""
    x, weight, bias = layer
    expected = x @ weight + bias
    gradient = expected % LARGEST
    x32, weight32, bias32, gradient32 = floats(x, weight, bias, gradient)
    ways = BlasMatmul()
    assert ways.batched
    assert_exactly(ways.linear(x32, weight32, bias32, relu=relu), np.maximum(expected, 0) if relu else expected)
    assert_exactly(ways.input_gradient(gradient32, weight32), gradient @ weight.swapaxes(1, 2))
    out = torch.full(weight.shape, torch.nan)
    ways.weight_gradient(x32, gradient32, out)
    assert_exactly(out, x.swapaxes(-1, -2) @ gradient)


@each_way
@given(layers)
@fewer(5)
def test_no_product_changes_what_it_is_given(way, layer):
    x, weight, bias = floats(*layer)
    matmul, out = way(), torch.empty_like(weight)
    gradient = matmul.linear(x, weight, bias, relu=True)
    given_ = x, weight, bias, gradient
    before = *floats(*layer), gradient.clone()
    matmul.input_gradient(gradient, weight)
    matmul.weight_gradient(x, gradient, out)
    for found, kept in zip(given_, before, strict=True):
        assert torch.equal(found, kept)


@each_way
def test_weight_gradients_go_into_views_of_one_flat_tensor(way):
    """As the learner keeps them: what lies beside a view stays."""
    flat = torch.full((20,), 7.0)
    x, gradient = torch.ones(4, 3), torch.ones(4, 5)
    way().weight_gradient(x, gradient, flat[2:17].view(3, 5))
    assert flat.tolist() == [7.0] * 2 + [4.0] * 15 + [7.0] * 3


def test_each_way_has_a_name_of_its_own():
    assert len({way.name for way in WAYS} | {matmul.FUSED, machine.FIXED_ORDER}) == len(WAYS) + 2


# The project's kernels run, oneDNN is there, Triton is there, device -> the name in a fingerprint, and of the learner.
CHOICES = [
    (True, True, False, CPU, "fixed order", "FixedOrderLearner"),
    (True, False, True, CPU, "fixed order", "FixedOrderLearner"),
    (False, True, False, CPU, "onednn", "Learner"),
    (False, False, True, CPU, "blas", "Learner"),
    (True, True, False, CUDA, "blas", "Learner"),
    (True, True, True, CUDA, "blas+triton", None),
]


@pytest.mark.parametrize("kernels, onednn, triton, device, name, learner", CHOICES)
def test_device_cpu_and_packages_alone_choose_the_way(monkeypatch, kernels, onednn, triton, device, name, learner):
    monkeypatch.setattr(fixed_order, "level", lambda: "x86-64-v3" if kernels else None)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: object() if triton else None)
    assert matmul_name(device) == name
    if learner is not None:
        assert learner_kind(device).__name__ == learner
