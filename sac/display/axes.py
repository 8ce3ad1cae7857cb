"""Axes with round numbers at their ticks."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A range of values, and those at which there is a tick, ascending."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value lies between both ends, as a number from 0 to 1."""
        # Halves: the difference of two numbers may have no place in float64.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)


_HUGE = 1e300
_MAX = sys.float_info.max
_WIDEST = Axis(-_MAX, _MAX, (-_MAX, 0.0, _MAX))


def value_axis(values: Sequence[float], is_rate: bool) -> Axis:
    """An axis that begins and ends at a tick; that of rates runs from 0 to 1, unless some are none."""
    if not values or (is_rate and min(values) >= 0 and max(values) <= 1):
        return Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
    if max(map(abs, values)) > _HUGE:
        return _WIDEST
    low, high = _apart(min(values), max(values))
    step = _round_step(high / 4 - low / 4)
    numbers = range(math.floor(low / step), math.ceil(high / step) + 1)
    return Axis(numbers[0] * step, numbers[-1] * step, tuple(number * step for number in numbers))


def span_axis(values: Sequence[float]) -> Axis:
    """An axis from the first value to the last, with ticks between them."""
    if max(map(abs, values), default=0.0) > _HUGE:
        return _WIDEST
    first, last = (min(values), max(values)) if values else (0.0, 1.0)
    last = max(last, first + 1) if first + 1 > first else _apart(first, last)[1]
    step = _round_step(last / 5 - first / 5)
    numbers = range(math.ceil(first / step), math.floor(last / step) + 1)
    return Axis(first, last, tuple(number * step for number in numbers))


def _apart(low: float, high: float) -> tuple[float, float]:
    """Both ends, moved apart where they are too close for ticks between them."""
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9 or high == low:
        return low - (size / 2 or 0.5), high + (size / 2 or 0.5)
    return low, high


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … that is not below `least`; also 0.5, 0.2 and so on."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least)
