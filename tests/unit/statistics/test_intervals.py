"""Aggregates and intervals: against published numbers, a second implementation, and how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from sac.statistics import closed_form, intervals
from sac.statistics.closed_form import interval_of_mean, interval_of_median
from sac.statistics.intervals import AGGREGATES, estimate, iqm, profile, widened

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
def test_intervals_agree_with_a_second_implementation(name, monkeypatch):
    monkeypatch.setattr(intervals, "CLOSED_FORMS", {})
    found = estimate(name, (DRAWN,))
    level = intervals._WIDENED[name](len(DRAWN), 1, 0.95)
    # Medians of resamples jump from one value or midpoint to the next, means do not.
    apart = 0.05 if name == "median" else 0.015
    assert (found.low, found.high) == pytest.approx(bootstrapped(AGGREGATES[name], DRAWN, level), abs=apart)


def test_a_mean_of_four_seeds_has_students_interval():
    """By hand: t(3) = 3.1824."""
    found = estimate("mean", (DRAWN[:4],))
    half = 3.1824463 * DRAWN[:4].std(ddof=1) / math.sqrt(4)
    assert (found.low, found.high) == pytest.approx((0.545 - half, 0.545 + half))


SKEWED = np.array([0.2, 0.7, 0.9, 0.95, 1.0])


@pytest.mark.parametrize("values", [SKEWED, -SKEWED, DRAWN])
def test_halls_transformation_of_the_true_ends_is_students_quantile(values):
    """The definition, in the other direction: T + g T^2/3 + g^2 T^3/27 + g/(6 n) is the quantile at either end."""
    count, spread, skewness = len(values), values.std(ddof=1), stats.skew(values, bias=False)
    for end, tail in zip(interval_of_mean(values, 0.95), (0.975, 0.025), strict=True):
        t = (values.mean() - end) / spread
        found = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / (6 * count)
        assert found == pytest.approx(stats.t.ppf(tail, count - 1) / math.sqrt(count))


def test_the_interval_of_a_mean_reaches_further_where_the_tail_is():
    low, high = map(float, interval_of_mean(SKEWED, 0.95))
    assert SKEWED.mean() - low > 1.5 * (high - SKEWED.mean())
    assert [-float(end) for end in interval_of_mean(-SKEWED, 0.95)] == pytest.approx([high, low])


def test_values_without_skewness_have_students_interval():
    values = np.array([-2.0, -1, 0, 1, 2])
    half = stats.t.ppf(0.975, 4) * values.std(ddof=1) / math.sqrt(5)
    assert interval_of_mean(values, 0.95) == pytest.approx((-half, half), rel=1e-6)


def test_the_interval_of_a_median_lies_between_order_statistics():
    """By hand, n = 10: the 2nd to the 9th hold it in 97.85 %, the 3rd to the 8th in 89.06 %; so 0.3244 of the step."""
    values = np.arange(1.0, 11)
    inward = 8 * 0.32444 / (2 + 6 * 0.32444)
    assert interval_of_median(values, 0.95) == pytest.approx((2 + inward, 9 - inward), abs=1e-3)
    low, high = interval_of_median(values[:5], 0.95)
    assert (float(low), float(high)) == (1.0, 5.0), "the range is all there is"


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
    monkeypatch.setattr(intervals, "CLOSED_FORMS", {})
    monkeypatch.setitem(intervals._WIDENED, "mean", lambda count, strata, confidence: confidence)
    assert covered("mean", lambda rng, size: rng.beta(2, 2, size), 5, 300, monkeypatch) < 0.88


def test_students_interval_of_five_skewed_runs_does_not_and_halls_does(monkeypatch):
    def skewed(rng, size):
        return rng.beta(5, 1, size)

    assert 0.93 < covered("mean", skewed, 5, 4000, monkeypatch) < 0.95
    monkeypatch.setattr(closed_form, "FEWEST_FOR_SKEWNESS", 6)
    assert covered("mean", skewed, 5, 4000, monkeypatch) < 0.92


@pytest.mark.parametrize("count", [2, 4])
def test_the_interval_of_a_mean_of_few_is_the_one_of_the_t_test(count):
    values = np.random.default_rng(count).normal(size=(3, count))
    low, high = interval_of_mean(values, 0.9)
    expected = stats.ttest_1samp(values, 0.0, axis=-1).confidence_interval(0.9)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-12)
