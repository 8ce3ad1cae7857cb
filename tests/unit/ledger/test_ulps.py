"""A distance in ULP is the number of floats that lie between two values."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from sac.ledger.ulps import ulp_distance


@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.integers(0, 40),
    st.sampled_from([math.inf, -math.inf]),
)
def test_ulps_count_steps_of_nextafter(start, steps, towards):
    single, double = np.float32(start), np.float64(start)
    for _ in range(steps):
        single, double = np.nextafter(single, np.float32(towards)), np.nextafter(double, towards)
    assume(np.isfinite(single))
    assert ulp_distance(start, float(single)) == (steps, "float32")
    if steps > 0:
        assert ulp_distance(start, float(double)) == (steps, "float64")


@given(st.floats(), st.floats())
def test_ulps_are_symmetric_and_zero_only_for_equals(a, b):
    assert ulp_distance(a, b) == ulp_distance(b, a)
    if math.isnan(a) or math.isnan(b):
        assert ulp_distance(a, b) is None
    else:
        assert (ulp_distance(a, b)[0] == 0) == (a == b)
