"""Copies: every element arrives, and nothing is read or written beyond them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.kernels.machine_code import kernels
from tests.examples import fewer
from tests.unit.kernels.native import call, each_level


@each_level
@pytest.mark.parametrize("name", ["copy", "transpose"])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3))
@fewer(4)
def test_a_copy_holds_each_element_and_touches_no_other(level, name, rows, columns, gap):
    source = np.arange(rows * (columns + gap), dtype=np.float32).reshape(rows, columns + gap)
    wanted = source[:, :columns] if name == "copy" else source[:, :columns].T
    target = np.full((wanted.shape[0] + 1, wanted.shape[1] + gap), np.float32(-1))
    address = kernels(level).addresses[name]
    call(address, source.ctypes.data, columns + gap, target.ctypes.data, target.shape[1], rows, columns)
    assert np.array_equal(target[:-1, : wanted.shape[1]], wanted)
    target[:-1, : wanted.shape[1]] = -1
    assert (target == -1).all()
