"""Axes: round ticks, and whatever numbers come, an axis that has room for them."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sac.display.axes import span_axis, value_axis

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_ticks_are_round_numbers_around_the_values():
    assert value_axis([13.3, 17.6], False).ticks == (12.0, 14.0, 16.0, 18.0)
    assert span_axis([0.0, 9600.0]).ticks == (0.0, 2000.0, 4000.0, 6000.0, 8000.0)


def test_a_rate_has_the_whole_range():
    assert value_axis([0.4, 0.5], True).ticks == (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize("axis", [lambda values: value_axis(values, False), span_axis])
@example(values=[-1.7e308, 1.7e308])
@example(values=[5e-324])
@example(values=[1e17, 1e17 + 16])
@given(values=st.lists(FINITE, min_size=1, max_size=5))
def test_every_value_has_a_place_between_both_ends(axis, values):
    found = axis(values)
    assert found.low < found.high
    assert 1 <= len(found.ticks) <= 25 or axis is span_axis
    for value in values:
        place = found.place(value)
        assert math.isfinite(place) and -1e-6 <= place <= 1 + 1e-6
