"""Mean, median and interquartile mean over seeds, each with a 95 % interval.

The interquartile mean and the stratified bootstrap are those of Agarwal et al. (NeurIPS 2021). With five seeds the
bare percentile interval of a mean holds the true value in 83 of 100 cases, not in 95: resamples vary too little, and
the spread itself is uncertain. So bootstraps are widened as Hesterberg (The American Statistician, 2015) proposes, and
where one task's mean or median is wanted, the interval has a closed form. docs/statistics.md has the coverage that was
measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sac.statistics.closed_form import interval_of_mean, interval_of_median

CONFIDENCE = 0.95
RESAMPLES = 10_000
FEWEST = 5
"""Runs below which no resample makes a 95 % interval: the range of n runs holds the median in 1 - 2^(1-n) of cases."""
CLOSED_FORMS = {"mean": (2, interval_of_mean), "median": (FEWEST, interval_of_median)}
"""Aggregate of one task -> the fewest runs that have an interval, and what computes it."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, arrays of one shape; NaN where no interval can be given."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def within(self, least: float, most: float) -> Estimate:
        """The same, its interval cut to the values that are possible."""
        return Estimate(self.value, np.clip(self.low, least, most), np.clip(self.high, least, most))


def mean(*strata: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean over all runs of all tasks."""
    return np.asarray(np.concatenate(strata, axis).mean(axis))


def median(*strata: np.ndarray, axis: int = -1) -> np.ndarray:
    """The median over all runs of all tasks."""
    return np.asarray(np.median(np.concatenate(strata, axis), axis))


def iqm(*strata: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean of the middle half of all runs of all tasks."""
    return np.asarray(stats.trim_mean(np.concatenate(strata, axis), 0.25, axis))


AGGREGATES: dict[str, Callable[..., np.ndarray]] = {"mean": mean, "median": median, "iqm": iqm}


def estimate(name: str, strata: Sequence[np.ndarray], confidence: float = CONFIDENCE) -> Estimate:
    """Estimate an aggregate.

    Args:
        name: one of `AGGREGATES`.
        strata: for each task the values (..., n) of its n runs, from which resamples draw separately.
        confidence: in how many cases the interval shall hold the true value.

    Returns:
        Arrays (...).
    """
    arrays = [np.asarray(one, np.float64) for one in strata]
    value, count = AGGREGATES[name](*arrays), sum(one.shape[-1] for one in arrays)
    fewest, closed_form = CLOSED_FORMS.get(name, (0, None))
    if closed_form and len(arrays) == 1 and count >= fewest:
        low, high = closed_form(arrays[0], confidence)
    elif count < FEWEST or min(one.shape[-1] for one in arrays) < 2:
        low = high = np.full_like(value, math.nan)
    else:
        low, high = resampled(AGGREGATES[name], arrays, _WIDENED[name](count, len(arrays), confidence))
    # Runs that all found the same leave unknown how much others would differ.
    spread = np.any([np.ptp(one, -1) > 0 for one in arrays], axis=0)
    return Estimate(value, np.where(spread, low, math.nan), np.where(spread, high, math.nan))


def resampled(
    statistic: Callable[..., np.ndarray], strata: Sequence[np.ndarray], level: float
) -> tuple[np.ndarray, np.ndarray]:
    """The percentile bootstrap interval of a statistic of strata (..., n); equal data give equal intervals."""
    found = stats.bootstrap(
        strata,
        statistic,
        n_resamples=RESAMPLES,
        batch=500,
        vectorized=True,
        axis=-1,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return np.asarray(found.confidence_interval.low), np.asarray(found.confidence_interval.high)


def widened(count: int, strata: int, confidence: float, *, student: bool = True, narrow: bool = True) -> float:
    """The level at which a percentile interval has the width that few runs ask for (Hesterberg 2015).

    Args:
        count: all runs.
        strata: how many groups are resampled separately.
        confidence: the level that the interval shall really have.
        student: make up for the spread being uncertain, as Student's t does.
        narrow: make up for resamples varying less than fresh runs do, by (n - 1) / n.
    """
    freedom = count - strata
    tail = 0.5 + confidence / 2
    quantile = stats.t.ppf(tail, freedom) if student else stats.norm.ppf(tail)
    return float(1 - 2 * stats.norm.sf(quantile * (math.sqrt(count / freedom) if narrow else 1.0)))


_WIDENED: dict[str, Callable[[int, int, float], float]] = {
    "mean": widened,
    "iqm": lambda count, strata, confidence: widened(count, strata, confidence, narrow=False),
    "median": lambda count, strata, confidence: widened(count, strata, confidence, student=False),
}
"""By how much each interval is widened: chosen by their coverage in simulations, in docs/statistics.md."""


def profile(strata: Sequence[np.ndarray], thresholds: np.ndarray) -> Estimate:
    """The performance profile: the share of runs above each threshold, with Wilson's interval at each.

    Args:
        strata: for each task the values (n,) of its n runs.
        thresholds: (T,).

    Returns:
        Arrays (T,).
    """
    values = np.concatenate(strata)
    counts = [int((values > threshold).sum()) for threshold in thresholds]
    found = [stats.binomtest(count, len(values)).proportion_ci(CONFIDENCE, "wilson") for count in counts]
    shares = np.array(counts) / len(values)
    return Estimate(shares, np.array([one.low for one in found]), np.array([one.high for one in found]))
