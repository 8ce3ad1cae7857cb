"""Two groups: exact p values, effects, power against published tables, and what each answer needs."""

import itertools
import math

import numpy as np
import pytest

from sac.statistics.comparison import effect, judge, permutation_p, smallest_p
from sac.statistics.power import power_of, seeds_needed, spread_bounds

LOW, HIGH = np.array([0.31, 0.42, 0.38, 0.5, 0.27]), np.array([0.88, 0.79, 0.91, 0.84, 0.7])


def enumerated_p(a, b):
    """The permutation test in plain Python: twice the smaller tail."""
    pooled, seen = [*a, *b], b.mean() - a.mean()
    found = []
    for chosen in itertools.combinations(range(len(pooled)), len(a)):
        left = [pooled[at] for at in chosen]
        right = [pooled[at] for at in range(len(pooled)) if at not in chosen]
        found.append(sum(right) / len(right) - sum(left) / len(left))
    tails = [sum(sign * one >= sign * seen - 1e-12 for one in found) / len(found) for sign in (1, -1)]
    return min(1.0, 2 * min(tails))


@pytest.mark.parametrize("seed", range(6))
def test_p_is_that_of_all_arrangements(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.beta(2, 2, 4), rng.beta(2, 2, 5)
    assert permutation_p(a, b) == pytest.approx(enumerated_p(a, b))


@pytest.mark.parametrize("n, m, p", [(3, 3, 0.1), (4, 4, 2 / 70), (5, 5, 2 / 252)])
def test_the_smallest_p_is_what_two_groups_that_do_not_overlap_get(n, m, p):
    assert smallest_p(n, m) == pytest.approx(p) == permutation_p(LOW[:n], HIGH[:m])


def test_an_effect_is_told_in_all_its_sizes():
    found = effect(LOW, HIGH)
    assert found.difference == pytest.approx(0.448)
    assert found.low < 0.448 < found.high
    assert found.improvement == 1.0
    pooled = math.sqrt((LOW.var(ddof=1) + HIGH.var(ddof=1)) / 2)
    assert found.hedges_g == pytest.approx(0.448 / pooled * (1 - 3 / 31))


def test_ties_count_half_in_the_probability_of_improvement():
    assert effect(np.array([0.0, 1.0]), np.array([0.0, 1.0])).improvement == 0.5


@pytest.mark.parametrize("d, seeds", [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_seeds_needed_are_those_of_cohens_table(d, seeds):
    """Cohen 1992, table 2 (two-sided, alpha 0.05, power 0.80): 393, by an approximation, 64, 26."""
    assert seeds_needed(d, 1.0) == seeds
    assert power_of(seeds, d, 1.0) >= 0.8 > power_of(seeds - 1, d, 1.0)


def test_power_without_a_difference_is_the_false_alarm_rate():
    assert power_of(7, 0.0, 1.0, alpha=0.03) == pytest.approx(0.03)


def test_a_difference_that_nobody_can_show_needs_no_number():
    assert seeds_needed(1e-6, 1.0) is None


def test_the_spread_of_five_seeds_is_known_to_a_factor():
    """sqrt(4 / chi2) with chi2(4) = 11.143 and 0.4844."""
    assert spread_bounds(1.0, 5) == pytest.approx((0.5991, 2.8736), abs=1e-4)


@pytest.mark.parametrize(
    "a, b, matters, decision",
    [
        (LOW, HIGH, 0.2, "difference"),
        (LOW, LOW + 0.01, 0.2, "no difference shown"),
        (LOW, LOW + 0.01, 0.05, "inconclusive"),
        (LOW, LOW + 0.01, None, "inconclusive"),
        (LOW[:3], HIGH[:3], 0.2, "inconclusive"),
        (np.ones(5), np.ones(5), 0.2, "no difference shown"),
        (np.ones(3), np.ones(3), 0.2, "inconclusive"),
        (np.zeros(5), np.ones(5), 0.2, "difference"),
    ],
)
def test_an_answer_needs_a_test_and_an_interval(a, b, matters, decision):
    assert judge(a, b, 0.05, matters, 0.8).decision == decision


def test_an_open_answer_says_how_many_seeds_would_close_it():
    found = judge(LOW, LOW + 0.01, 0.05, 0.05, 0.8)
    assert found.more is not None and found.more > 5
    assert "leaves room for a difference of 0.05" in found.reason
