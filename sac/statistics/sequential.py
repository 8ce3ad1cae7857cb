"""Stop early at a stated error rate: a group-sequential permutation test with alpha spending (Lan and DeMets, 1983).

One looks after each seed, in the order of the seeds, from the first look to a greatest number that is planned. At each
look the permutation test is held against a level of its own. The levels come from Pocock's spending function: together
the looks raise a false alarm in at most `alpha` of all comparisons. Each test is exact, but how it depends on those
before is taken from a normally distributed statistic, so a part of alpha is held back. docs/statistics.md has the false
alarms that were counted in simulations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, stats

from sac.statistics.choices import FIRST_LOOK
from sac.statistics.comparison import Decision, Judgement, effect, interval, permutation_p, runs_to_show, without_alarm

SPENT = 0.9
"""The part of alpha that levels are computed with; with all of it 5.3 % of 1,000 comparisons were false alarms."""
_GRID = 401
"""Points at which the density of the statistic is kept between two looks."""


def pocock_spending(fraction: float, alpha: float) -> float:
    """The part of `alpha` that may be spent once this fraction of the plan is seen (Lan and DeMets, 1983)."""
    return alpha * math.log(1 + (math.e - 1) * min(fraction, 1.0))


def nominal_levels(
    fractions: Sequence[float], alpha: float, spending: Callable[[float, float], float] = pocock_spending
) -> list[float]:
    """The two-sided level of each look, such that all looks together raise a false alarm with probability `alpha`.

    The standardised means at the looks are a random walk in the information seen. The density of walks that no look has
    stopped is carried from look to look on a grid (Armitage, McPherson and Rowe, 1969).

    Args:
        fractions: increasing parts of the planned information, the last at most 1.
        alpha: probability of a false alarm.
        spending: how much of alpha may be spent at a fraction.
    """
    levels: list[float] = []
    spent = before = 0.0
    walk: tuple[np.ndarray, np.ndarray] | None = None
    for fraction in fractions:
        step, target = fraction - before, spending(fraction, alpha) - spent
        bound = _bound(walk, step, fraction, target)
        levels.append(float(2 * stats.norm.sf(bound)))
        walk = _carried(walk, step, bound * math.sqrt(fraction))
        spent, before = spending(fraction, alpha), fraction
    return levels


def _bound(walk: tuple[np.ndarray, np.ndarray] | None, step: float, fraction: float, target: float) -> float:
    """The standardised bound beyond which the walk has probability `target` at this look."""
    if walk is None:
        return float(stats.norm.isf(target / 2))
    points, masses = walk

    def beyond(bound: float) -> float:
        edge = bound * math.sqrt(fraction)
        outside = stats.norm.sf((edge - points) / math.sqrt(step)) + stats.norm.cdf((-edge - points) / math.sqrt(step))
        return float((masses * outside).sum()) - target

    return float(optimize.brentq(beyond, 0.0, 20.0, xtol=1e-10))


def _carried(walk: tuple[np.ndarray, np.ndarray] | None, step: float, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Points within the edges and the probability of the walk at each: Simpson's weights times its density."""
    points = np.linspace(-edge, edge, _GRID)
    weights = np.full(_GRID, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    weights *= (points[1] - points[0]) / 3
    if walk is None:
        return points, weights * stats.norm.pdf(points, scale=math.sqrt(step))
    from_points, masses = walk
    density = stats.norm.pdf(points[:, None] - from_points[None, :], scale=math.sqrt(step)) @ masses
    return points, weights * density


def looks(most: int, first: int = FIRST_LOOK) -> list[int]:
    """The numbers of seeds on each side at which one looks."""
    return list(range(min(first, most), most + 1))


def judge_sequentially(
    a: np.ndarray, b: np.ndarray, alpha: float, matters: float | None, power: float, most: int
) -> Judgement:
    """Decide after as few seeds as the error rate allows.

    It depends on the runs and the plan alone: whoever adds seeds later gets the answer of the first look that stops.

    Args:
        a: values (n,) of the first group, in the order of the seeds.
        b: values (m,) of the second.
        alpha: probability of a false alarm over all looks.
        matters: the difference that would matter; None: not known.
        power: for the number of runs that would show it.
        most: seeds on each side at the last look.
    """
    planned, have = looks(most), min(len(a), len(b))
    if have < planned[0]:
        counts = (len(a), len(b))
        reason = f"the first look is at {planned[0]} seeds on each side, and there are {counts[0]} and {counts[1]}"
        return Judgement("inconclusive", reason, counts, effect(a, b), planned[0])
    levels = nominal_levels([count / most for count in planned], SPENT * alpha)
    for count, level in zip(planned, levels, strict=True):
        decision, reason = look(a[:count], b[:count], level, matters, is_last=count == most)
        if decision != "inconclusive" or count == min(have, most):
            break
    more = count + 1 if count < most else runs_to_show(a, b, alpha, matters, power)
    found = effect(a[:count], b[:count], 1 - level)
    return Judgement(decision, reason, (count, count), found, more if decision == "inconclusive" else None)


def look(a: np.ndarray, b: np.ndarray, level: float, matters: float | None, is_last: bool) -> tuple[Decision, str]:
    """Decide at one look, at the level that is its own; "inconclusive" means that one goes on.

    Runs that all found the same end a comparison only at the last look: the next seed may be the one that differs.
    """
    where = f"{len(a)} seeds on each side, the {'last' if is_last else 'latest'} look"
    p = permutation_p(a, b)
    if p <= level:
        return "difference", f"{where}: p = {p:.2g} is at most this look's level {level:.2g}"
    low, high = interval(a, b, 1 - level)
    decision, reason = without_alarm(low, high, matters)
    if math.isnan(low) and not is_last:
        decision = "inconclusive"
    return decision, f"{where}: {reason}"
