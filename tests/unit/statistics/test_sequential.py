"""Stopping early: published bounds, few false alarms however often one looks, and one answer whenever one looks."""

import math

import numpy as np
import pytest
from scipy import stats

from sac.statistics import comparison, sequential
from sac.statistics.sequential import judge_sequentially, looks, nominal_levels, pocock_spending

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def obrien_fleming_spending(fraction, alpha):
    return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / math.sqrt(fraction))


@pytest.mark.parametrize(
    "spending, bounds",
    [
        (pocock_spending, [2.438, 2.427, 2.410, 2.397, 2.386]),
        (obrien_fleming_spending, [4.877, 3.357, 2.680, 2.290, 2.031]),
    ],
)
def test_bounds_are_the_published_ones(spending, bounds):
    """Five looks at equal distances, two-sided 5 %: the bounds of Lan and DeMets' two spending functions."""
    levels = nominal_levels(FIFTHS, 0.05, spending)
    assert [stats.norm.isf(level / 2) for level in levels] == pytest.approx(bounds, abs=2e-3)


def test_one_look_has_the_whole_level():
    assert nominal_levels([1.0], 0.05) == pytest.approx([0.05])


def test_looks_begin_with_five_seeds():
    assert looks(8) == [5, 6, 7, 8]


def alarms(judged, times, shift, most=8, first=0):
    """How many of `times` comparisons of groups `shift` standard deviations apart end in a difference."""
    found = 0
    for number in range(first, first + times):
        rng = np.random.default_rng(number)
        found += judged(rng.normal(size=most), rng.normal(shift, size=most)).decision == "difference"
    return found


@pytest.fixture
def quick(monkeypatch):
    """Fewer arrangements, and no interval of the improvement, which no decision needs."""
    monkeypatch.setattr(comparison, "PERMUTATIONS", 199)
    monkeypatch.setattr(comparison, "_improvement", lambda a, b: (math.nan,) * 3)
    levels = nominal_levels([count / 8 for count in looks(8)], 0.05)
    monkeypatch.setattr(sequential, "nominal_levels", lambda fractions, alpha: levels)


def test_looking_again_and_again_raises_few_false_alarms(quick):
    assert alarms(lambda a, b: judge_sequentially(a, b, 0.05, None, 0.8, 8), 150, 0.0) <= 12


def test_looking_again_and_again_at_the_plain_level_raises_many(quick, monkeypatch):
    """Negative control: without spending, the rate is well above 5 %."""
    monkeypatch.setattr(sequential, "nominal_levels", lambda fractions, alpha: [0.05] * 4)
    assert alarms(lambda a, b: judge_sequentially(a, b, 0.05, None, 0.8, 8), 150, 0.0) > 12


def test_a_large_difference_is_found_early(quick):
    rng = np.random.default_rng(1)
    found = judge_sequentially(rng.normal(size=8), rng.normal(5, size=8), 0.05, 1.0, 0.8, 8)
    assert (found.decision, found.counts) == ("difference", (5, 5))


def test_the_answer_does_not_depend_on_when_one_looked(quick):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=8), rng.normal(2.5, size=8)
    whole = judge_sequentially(a, b, 0.05, 1.0, 0.8, 8)
    stopped = whole.counts[0]
    for count in range(5, 9):
        seen = judge_sequentially(a[:count], b[:count], 0.05, 1.0, 0.8, 8)
        assert (seen.decision == "difference") == (count >= stopped)
        assert count < stopped or seen.counts == whole.counts


def test_before_the_first_look_nothing_is_said(quick):
    found = judge_sequentially(np.zeros(4), np.ones(4), 0.05, 0.2, 0.8, 8)
    assert (found.decision, found.more) == ("inconclusive", 5)


def test_seeds_that_all_found_the_same_are_waited_for_to_the_last_look(quick):
    early, last = (judge_sequentially(np.ones(n), np.ones(n), 0.05, 0.2, 0.8, 8) for n in (7, 8))
    assert (early.decision, last.decision) == ("inconclusive", "no difference shown")
