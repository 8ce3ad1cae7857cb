"""Figures of a difference: elements, floats between them, and what can't be compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.why.numeric_difference import numeric_difference
from sac.why.tracer.content import digest, sample


def of(a, b):
    return numeric_difference("result", sample(a), sample(b))


def test_one_rounding_is_one_ulp():
    value = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    other = value.copy()
    other[1] = np.nextafter(other[1], np.float32(9))
    found = of(value, other)
    assert (found.differing, found.compared, found.ulp, found.a) == (1, 3, 1, "2.0")


def test_zeros_of_unlike_sign_differ_by_no_float():
    found = of(np.array([0.0]), np.array([-0.0]))
    assert (found.differing, found.ulp) == (1, 0)


def test_integers_have_no_ulp():
    assert of(np.array([1, 2]), np.array([1, 3])).ulp is None


def test_nan_has_no_ulp():
    assert of(np.array([np.nan]), np.array([1.0])).ulp is None


def test_equal_values_have_no_difference():
    assert of(torch.ones(3), torch.ones(3)) is None


def test_a_long_array_says_how_much_was_compared():
    assert "the first 64 of 100" in of(torch.zeros(100), torch.ones(100)).text


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool, torch.int64]
)
def test_every_dtype_is_digested_and_sampled(dtype):
    a, b = torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype)
    assert digest(a) != digest(b)
    assert of(a, b).differing > 0


def test_a_digest_depends_on_order_shape_and_dtype():
    value = torch.arange(6.0)
    others = [value.flip(0), value.reshape(2, 3), value.double(), value[:5]]
    assert len({digest(one) for one in [value, *others]}) == 5


def test_a_digest_does_not_depend_on_strides_or_library():
    value = torch.arange(6.0).reshape(2, 3)
    assert digest(value.t().contiguous()) == digest(value.t())


def test_a_change_in_a_large_array_shows_where_it_is_large():
    value = np.zeros(3_000_000, dtype=np.float32)
    assert digest(value) != digest(value + 1)


@given(st.dictionaries(st.text(max_size=3), st.lists(st.floats(allow_nan=False), max_size=3), max_size=4))
def test_nests_have_equal_digests_when_copied(nest):
    assert digest(nest) == digest({name: list(part) for name, part in nest.items()})


def test_objects_are_told_by_their_type_alone():
    assert digest(object()) == digest(object())
