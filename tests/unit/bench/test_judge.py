"""The verdict: simulated pairs with a known ratio under drift, spikes and luck of the process."""

import math

import numpy as np
import pytest

from sac.bench import judge
from sac.bench.judge import BenchVerdict, Interval, Samples, interval
from sac.streams import Stream

FIRST, MOST, QUADRUPLES, RUNS = 5, 20, 8, 40
ROUNDS = MOST

# Kind of noise -> standard deviation of a turn, share of spikes, size of a process's luck, drift over the session.
NOISE = {
    "quiet": (0.01, 0.0, 0.0, 0.0),
    "drift": (0.02, 0.0, 0.005, 1.0),
    "spikes": (0.03, 0.15, 0.005, 0.0),
    "all at once": (0.05, 0.10, 0.01, 0.7),
}


def simulate(run, ratio, noise):
    """Samples of a session whose true ratio is known."""
    turn, spikes, luck, drift = NOISE[noise]
    random = Stream(run, f"test.{noise}").generator(0)
    samples = Samples()
    for number in range(ROUNDS):
        side = random.normal(0, luck, 2)
        quadruples = []
        for quadruple in range(QUADRUPLES):
            order = (0, 1, 1, 0) if quadruple % 2 else (1, 0, 0, 1)
            times = ([], [])
            for place, which in enumerate(order):
                now = (number * QUADRUPLES + quadruple + place / 4) / (ROUNDS * QUADRUPLES)
                log = math.log(0.01) + drift * now + which * math.log(ratio) + side[which] + random.normal(0, turn)
                spike = random.exponential(1.0) if random.random() < spikes else 0.0
                times[which].append(math.exp(log + spike))
            quadruples.append((tuple(times[0]), tuple(times[1])))
        samples.rounds.append(quadruples)
    return samples


def verdicts(ratio, noise, threshold=0.10):
    return [gate(simulate(run, ratio, noise).log_ratios(), threshold) for run in range(RUNS)]


def gate(log_ratios, threshold):
    """As the gate does: look after the first pairs, and again after more while the question is open."""
    for rounds in range(FIRST, MOST + 1, FIRST):
        verdict = judge.judge(interval("x", log_ratios[:rounds]), rounds, threshold)
        if verdict is not BenchVerdict.INCONCLUSIVE:
            break
    return verdict


@pytest.mark.parametrize("noise", NOISE)
def test_equal_speed_is_never_called_slower(noise):
    assert BenchVerdict.SLOWER not in verdicts(1.0, noise)


@pytest.mark.parametrize("noise", NOISE)
def test_half_the_threshold_is_never_called_slower(noise):
    assert BenchVerdict.SLOWER not in verdicts(1.05, noise)


@pytest.mark.parametrize("noise", NOISE)
def test_twice_the_threshold_is_never_passed(noise):
    found = verdicts(1.25, noise)
    assert not {BenchVerdict.WITHIN, BenchVerdict.FASTER} & set(found)
    assert found.count(BenchVerdict.SLOWER) >= 0.95 * RUNS


@pytest.mark.parametrize("noise", NOISE)
def test_a_gain_is_called_faster(noise):
    assert verdicts(1 / 1.3, noise).count(BenchVerdict.FASTER) >= 0.9 * RUNS


@pytest.mark.parametrize("noise", ["quiet", "drift"])
def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(noise):
    found = [interval("x", simulate(run, 1.1, noise).log_ratios()[:FIRST]) for run in range(RUNS)]
    # Percentile intervals of five processes are somewhat short of their 99 %.
    assert sum(each.low <= 1.1 <= each.high for each in found) >= 0.9 * RUNS


def test_a_drift_that_is_linear_over_a_quadruple_cancels():
    samples = Samples([[((1.0, 1.3**3), (1.3, 1.3**2))]])
    assert samples.log_ratios() == pytest.approx(np.zeros((1, 1)), abs=1e-12)


def test_the_interval_of_the_same_samples_is_the_same():
    ratios = simulate(1, 1.1, "spikes").log_ratios()
    assert interval("x", ratios) == interval("x", ratios)
    assert interval("x", ratios) != interval("y", ratios)


# Interval -> verdict at a threshold of 10 %.
JUDGED = {
    (1.2, 1.11, 1.3): BenchVerdict.SLOWER,
    (1.2, 1.09, 1.3): BenchVerdict.INCONCLUSIVE,
    (1.0, 0.8, 1.11): BenchVerdict.INCONCLUSIVE,
    (1.05, 1.02, 1.09): BenchVerdict.WITHIN,
    (0.92, 0.91, 0.95): BenchVerdict.WITHIN,
    (0.8, 0.7, 0.9): BenchVerdict.FASTER,
}


@pytest.mark.parametrize("found", JUDGED)
def test_the_whole_interval_decides(found):
    assert judge.judge(Interval(*found), 5, 0.10) is JUDGED[found]


def test_two_processes_a_side_decide_nothing():
    assert judge.judge(Interval(2.0, 1.9, 2.1), 2, 0.10) is BenchVerdict.INCONCLUSIVE


# Verdicts -> exit status.
STATUS = {
    (BenchVerdict.WITHIN, BenchVerdict.FASTER): 0,
    (BenchVerdict.WITHIN, BenchVerdict.NO_BASE, BenchVerdict.SKIPPED): 0,
    (BenchVerdict.WITHIN, BenchVerdict.SLOWER): 1,
    (BenchVerdict.WITHIN, BenchVerdict.COUNTERS): 1,
    (BenchVerdict.INCONCLUSIVE, BenchVerdict.SLOWER): 1,
    (BenchVerdict.WITHIN, BenchVerdict.INCONCLUSIVE): 4,
    (BenchVerdict.WITHIN, BenchVerdict.MISSING): 2,
    (BenchVerdict.SLOWER, BenchVerdict.FAILED): 2,
    (BenchVerdict.SKIPPED, BenchVerdict.NO_BASE): 2,
    (): 2,
}


@pytest.mark.parametrize("verdicts", STATUS)
def test_exit_status(verdicts):
    assert judge.exit_status(verdicts) == STATUS[verdicts]


def test_one_operation_more_has_risen_and_one_less_has_not():
    base = {"operations": 10, "host_syncs": 0, "allocations": 5}
    head = {"operations": 11, "host_syncs": 0, "allocations": 4}
    assert judge.risen(base, head) == {"operations": (10, 11)}
    assert judge.changed(base, head) == {"operations": (10, 11), "allocations": (5, 4)}
    assert judge.risen(base, base) == {}
