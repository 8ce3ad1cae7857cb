"""How many seeds tell a given difference: the power of the two-sample t test, from the noncentral t distribution."""

from __future__ import annotations

import math

from scipy import stats

MOST_SEEDS = 10_000
"""Beyond this nobody counts."""


def power_of(seeds: int, difference: float, spread: float, alpha: float = 0.05) -> float:
    """The probability that so many seeds on each side show a difference.

    Args:
        seeds: on each side, at least 2.
        difference: of the means.
        spread: standard deviation over seeds.
        alpha: probability of a false alarm.
    """
    freedom = 2 * seeds - 2
    shift, bound = difference / spread * math.sqrt(seeds / 2), float(stats.t.isf(alpha / 2, freedom))
    return float(stats.nct.sf(bound, freedom, shift) + stats.nct.cdf(-bound, freedom, shift))


def seeds_needed(difference: float, spread: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """The fewest seeds on each side that show a difference with a given power; None beyond `MOST_SEEDS`."""
    low, high = 1, 2
    while power_of(high, difference, spread, alpha) < power:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle, difference, spread, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def spread_bounds(spread: float, seeds: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a standard deviation that so many seeds of a normal distribution showed."""
    freedom = seeds - 1
    tails = stats.chi2.ppf([0.5 + confidence / 2, 0.5 - confidence / 2], freedom)
    return tuple(spread * math.sqrt(freedom / tail) for tail in tails)  # type: ignore[return-value]
