"""Two groups of runs: is their difference more than chance, how large is it, and could a large one still hide?"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from sac.statistics.intervals import CONFIDENCE, FEWEST, resampled, widened
from sac.statistics.power import seeds_needed

Decision = Literal["difference", "no difference shown", "inconclusive"]
PERMUTATIONS = 9_999
"""Arrangements that the permutation test tries; up to 7 runs on each side that is all of them."""


@dataclass(frozen=True)
class Effect:
    """How large a difference is, second group minus first.

    Attributes:
        difference: of the means.
        low: lower end of its interval (Welch); NaN where the runs show no spread.
        high: upper end.
        p: probability of a difference of the means this large if the groups were alike (permutation test).
        hedges_g: the difference in units of the spread over seeds; NaN without spread.
        improvement: probability that a run of the second group is better than one of the first, ties counting half.
        improvement_low: lower end of its bootstrap interval; NaN with fewer than 5 runs in a group, or where the
            groups do not overlap.
        improvement_high: upper end.
    """

    difference: float
    low: float
    high: float
    p: float
    hedges_g: float
    improvement: float
    improvement_low: float
    improvement_high: float


@dataclass(frozen=True)
class Judgement:
    """The answer for one task: what was decided at which number of runs, and why.

    Attributes:
        decision: the answer.
        reason: one sentence.
        counts: runs of each group that it rests on.
        effect: how large the difference is.
        more: runs on each side that would show the difference that matters; None where that is not known.
    """

    decision: Decision
    reason: str
    counts: tuple[int, int]
    effect: Effect
    more: int | None = None


def effect(a: np.ndarray, b: np.ndarray, confidence: float = CONFIDENCE) -> Effect:
    """Compare two samples (n,) and (m,), each of at least 2 runs."""
    difference = float(b.mean() - a.mean())
    standardised = _hedges_g(difference, pooled_spread(a, b), len(a) + len(b))
    return Effect(difference, *interval(a, b, confidence), permutation_p(a, b), standardised, *_improvement(a, b))


def interval(a: np.ndarray, b: np.ndarray, confidence: float) -> tuple[float, float]:
    """Welch's interval of the difference of means, b minus a; NaN where the runs show no spread."""
    if pooled_spread(a, b) == 0:
        return math.nan, math.nan
    with warnings.catch_warnings():
        # One group without spread: SciPy fears cancellation, though its zero is exact.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.ttest_ind(b, a, equal_var=False).confidence_interval(confidence)
    return float(found.low), float(found.high)


def permutation_p(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p of the difference of means under all arrangements, or `PERMUTATIONS` random ones."""
    found = stats.permutation_test(
        (a, b), _difference, n_resamples=PERMUTATIONS, vectorized=True, rng=np.random.default_rng(0)
    )
    return float(found.pvalue)


def smallest_p(n: int, m: int) -> float:
    """The smallest two-sided p that the permutation test can find with so many runs."""
    ways = math.comb(n + m, n)
    return min(1.0, 2 / ways) if ways <= PERMUTATIONS else 2 / (PERMUTATIONS + 1)


def pooled_spread(a: np.ndarray, b: np.ndarray) -> float:
    """Standard deviation over runs within the groups."""
    squares = sum(float(((one - one.mean()) ** 2).sum()) for one in (a, b))
    return math.sqrt(squares / (len(a) + len(b) - 2))


def judge(a: np.ndarray, b: np.ndarray, alpha: float, matters: float | None, power: float) -> Judgement:
    """Decide about two samples (n,) and (m,) that were planned in advance.

    A difference is shown where p is at most `alpha`. None is shown where the difference's interval leaves no room for
    one that matters. Everything else is open.

    Args:
        a: values of the first group.
        b: values of the second.
        alpha: probability of a false alarm.
        matters: the difference that would matter; None: not known, so its absence can't be shown.
        power: the probability with which `more` runs would show it.
    """
    counts, found = (len(a), len(b)), effect(a, b, 1 - alpha)
    more = runs_to_show(a, b, alpha, matters, power)
    if smallest_p(*counts) > alpha:
        reason = f"{counts[0]} against {counts[1]} runs can't show any difference"
        return Judgement("inconclusive", reason, counts, found, more)
    if found.p <= alpha:
        return Judgement("difference", f"p = {found.p:.2g} is at most {alpha:g}", counts, found, more)
    decision, reason = without_alarm(found.low, found.high, matters)
    return Judgement(decision, reason, counts, found, more)


def without_alarm(low: float, high: float, matters: float | None) -> tuple[Decision, str]:
    """Decide by the difference's interval where the test found none: is there still room for one that matters?"""
    if math.isnan(low):
        return "no difference shown", "all runs found the same; how much others would differ is not known"
    if matters is None:
        return "inconclusive", "which difference would matter is not known: name it with --difference"
    if max(abs(low), abs(high)) <= matters:
        return "no difference shown", f"the interval leaves no room for a difference of {matters:g}"
    return "inconclusive", f"the interval leaves room for a difference of {matters:g}"


def runs_to_show(a: np.ndarray, b: np.ndarray, alpha: float, matters: float | None, power: float) -> int | None:
    """Runs on each side that show a difference that matters; None where spread or difference is not known."""
    spread = pooled_spread(a, b)
    return None if matters is None or spread == 0 else seeds_needed(matters, spread, power, alpha)


def _difference(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(b.mean(axis) - a.mean(axis))


def _hedges_g(difference: float, spread: float, count: int) -> float:
    """Cohen's d without its bias in small samples (Hedges, 1981, the usual approximation)."""
    return difference / spread * (1 - 3 / (4 * (count - 2) - 1)) if spread > 0 else math.nan


def _above(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    """P(b > a) + P(b = a) / 2 along the last axis."""
    left, right = a[..., :, None], b[..., None, :]
    return np.asarray(((right > left) + 0.5 * (right == left)).mean((-1, -2)))


def _improvement(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    value = float(_above(a, b))
    # Of groups that do not overlap every resample says the same, which tells nothing of fresh runs.
    if min(len(a), len(b)) < FEWEST or value in (0.0, 1.0) or pooled_spread(a, b) == 0:
        return value, math.nan, math.nan
    low, high = resampled(_above, (a, b), widened(len(a) + len(b), 2, CONFIDENCE))
    return value, float(low), float(high)
