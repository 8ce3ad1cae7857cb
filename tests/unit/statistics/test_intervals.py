"""Aggregates and intervals: against published numbers, a second implementation, and how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from sac.statistics import intervals
from sac.statistics.intervals import AGGREGATES, estimate, iqm, profile, widened
from sac.statistics.student import student

DRAWN = np.array([0.31, 0.88, 0.52, 0.47, 0.61, 0.44, 0.93, 0.12, 0.58, 0.7])


def test_the_interquartile_mean_is_the_mean_of_the_middle_half():
    assert iqm(np.array([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0])) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_strata_are_pooled_for_the_value():
    assert estimate("mean", (np.full(5, 0.0), np.array([1.0, 1, 1, 1, 0.5]))).value == pytest.approx(0.45)


def bootstrapped(statistic, values, level, draws=20_000):
    """A second implementation of the percentile interval, in plain NumPy."""
    resamples = np.random.default_rng(7).choice(values, (draws, len(values)))
    return np.quantile(statistic(resamples), [0.5 - level / 2, 0.5 + level / 2])


@pytest.mark.parametrize("name", AGGREGATES)
def test_intervals_agree_with_a_second_implementation(name):
    found = estimate(name, (DRAWN,))
    level = intervals._WIDENED[name](len(DRAWN), 1, 0.95)
    # Medians of resamples jump from one value or midpoint to the next, means do not.
    apart = 0.05 if name == "median" else 0.015
    assert (found.low, found.high) == pytest.approx(bootstrapped(AGGREGATES[name], DRAWN, level), abs=apart)


def test_a_mean_of_few_seeds_has_students_interval():
    """By hand: t(4) = 2.7764."""
    found = estimate("mean", (DRAWN[:5],))
    half = 2.7764451 * DRAWN[:5].std(ddof=1) / math.sqrt(5)
    assert (found.low, found.high) == pytest.approx((0.558 - half, 0.558 + half))


def test_widening_follows_hesterberg():
    """By hand, n = 10: t(9) = 2.2622, times sqrt(10 / 9) is 2.3845, beyond which a normal variable has 0.855 %."""
    assert (1 - widened(10, 1, 0.95)) / 2 == pytest.approx(0.00855, abs=1e-5)
    assert (1 - widened(10, 1, 0.95, narrow=False)) / 2 == pytest.approx(0.01184, abs=1e-5)


@pytest.mark.parametrize("strata", [(np.full(6, 0.5),), (np.zeros(5), np.ones(5))])
def test_runs_that_all_found_the_same_leave_the_interval_unknown(strata):
    for name in AGGREGATES:
        found = estimate(name, strata)
        assert math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize("name, fewest", [("mean", 2), ("median", 5), ("iqm", 5)])
def test_too_few_runs_have_no_interval(name, fewest):
    for count in range(1, 8):
        assert math.isnan(estimate(name, (DRAWN[:count],)).low) == (count < fewest)


def test_equal_data_have_equal_intervals_and_other_data_others():
    one, same, other = (estimate("iqm", (values,)) for values in (DRAWN, DRAWN.copy(), DRAWN + 0.01))
    assert (one.low, one.high) == (same.low, same.high) != (other.low, other.high)


def test_curves_get_an_interval_at_each_step():
    found = estimate("iqm", (np.stack([DRAWN, DRAWN + 1]),))
    assert found.low.shape == (2,)
    assert found.low[1] == pytest.approx(found.low[0] + 1, abs=0.05)


def test_the_profile_is_the_share_of_runs_above_with_wilsons_interval():
    """Wilson's interval of 5 in 10: 0.237 to 0.763 (Newcombe 1998 gives the formula)."""
    found = profile((DRAWN,), np.array([0.0, 0.55, 1.0]))
    assert found.value.tolist() == [1.0, 0.5, 0.0]
    assert (found.low[1], found.high[1]) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def covered(name, draw, runs, times, monkeypatch, resamples=600):
    """In which share of `times` experiments the interval holds the true value."""
    monkeypatch.setattr(intervals, "RESAMPLES", resamples)
    truth = AGGREGATES[name](draw(np.random.default_rng(1), 1_000_000))
    found = estimate(name, (draw(np.random.default_rng(2), (times, runs)),))
    return float(((found.low <= truth) & (truth <= found.high)).mean())


@pytest.mark.parametrize("name", AGGREGATES)
@pytest.mark.parametrize("runs", [5, 20])
def test_a_95_percent_interval_holds_the_truth_in_about_95_of_100_experiments(name, runs, monkeypatch):
    share = covered(name, lambda rng, size: rng.beta(2, 2, size), runs, 300, monkeypatch)
    # Three standard errors of a share of 300 around 93 to 97.
    assert 0.93 - 0.044 < share < 0.97 + 0.03, f"{name} of {runs}: {share}"


def test_the_bare_percentile_interval_of_five_runs_does_not(monkeypatch):
    """Negative control: what is avoided."""
    monkeypatch.setattr(intervals, "FEWEST_FOR_MEAN", 2)
    monkeypatch.setitem(intervals._WIDENED, "mean", lambda count, strata, confidence: confidence)
    assert covered("mean", lambda rng, size: rng.beta(2, 2, size), 5, 300, monkeypatch) < 0.88


@pytest.mark.parametrize("count", [2, 5, 30])
def test_the_interval_of_a_mean_is_the_one_of_the_t_test(count):
    values = np.random.default_rng(count).normal(size=(3, count))
    low, high = student(values, 0.9)
    expected = stats.ttest_1samp(values, 0.0, axis=-1).confidence_interval(0.9)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-12)
