"""Metrics: episode totals against a plain model of each environment, intervals, and the file."""

import csv

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.envs.protocol import StepBatch
from sac.rollout import episodes
from sac.rollout.episodes import EPISODE_METRICS, EpisodeLog, add_to, advance, wilson_interval
from sac.run.metrics_file import MetricsFile, new_metrics
from sac.state import EpisodeState, EpisodeSums

one_step = st.tuples(
    st.floats(-8, 8, width=16),
    st.booleans(),
    st.booleans(),
    st.sampled_from([False, False, True]),
)
histories = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(one_step, min_size=n, max_size=n), min_size=1, max_size=12)
)


def step_batch(row):
    """A step with the given (reward, success, fail, done) of each environment; only what metrics read is filled in."""
    reward, success, fail, done = (torch.tensor(column) for column in zip(*row, strict=True))
    n = len(row)
    return StepBatch(
        observation=torch.zeros(n, 1),
        next_observation=torch.zeros(n, 1),
        reward=reward.float(),
        terminated=torch.zeros(n, dtype=torch.bool),
        truncated=done,
        success=success,
        fail=fail,
        reset_seed=torch.full((n,), -1),
    )


def model(history):
    """Episodes in the order in which they end, by one list for each environment."""
    running = [[] for _ in history[0]]
    episodes = []
    for row in history:
        for env, step in enumerate(row):
            running[env].append(step)
            if step[3]:
                episodes.append(summary(running[env]))
                running[env] = []
    return episodes


def summary(steps):
    rewards = [step[0] for step in steps]
    return {
        "success_once": float(any(step[1] for step in steps)),
        "success_at_end": float(steps[-1][1]),
        "fail_once": float(any(step[2] for step in steps)),
        "fail_at_end": float(steps[-1][2]),
        "return": sum(rewards),
        "episode_len": float(len(steps)),
        "reward": sum(rewards) / len(steps),
    }


def assert_follows_model(history, step=advance):
    totals, log = EpisodeState.zeros(len(history[0])), EpisodeLog()
    for row in history:
        batch = step_batch(row)
        log.add(step(totals, batch, batch.truncated))
    expected = model(history)
    assert log.count == len(expected)
    for name in EPISODE_METRICS:
        assert log.values(name).tolist() == [episode[name] for episode in expected], name
    if expected:
        means = {name: sum(episode[name] for episode in expected) / len(expected) for name in EPISODE_METRICS}
        assert log.means() == pytest.approx(means)
    else:
        assert log.means() == {}


@given(histories)
def test_episode_metrics_follow_a_model_of_each_environment(history):
    assert_follows_model(history)


def keeps_totals(totals, batch, done):
    """A fault: totals of ended episodes go on."""
    before = EpisodeState(**{name: value.clone() for name, value in vars(totals).items()})
    finished = advance(totals, batch, done)
    before.length += 1
    totals.length.copy_(before.length)
    return finished


def ends_everywhere(totals, batch, done):
    """A fault: one environment's end is taken for all."""
    return advance(totals, batch, done.any().expand_as(done))


def forgets_earlier_success(totals, batch, done):
    """A fault: success_once looks at the last step alone."""
    totals.success_once.zero_()
    return advance(totals, batch, done)


@pytest.mark.parametrize("fault", [keeps_totals, ends_everywhere, forgets_earlier_success])
def test_the_model_catches_a_faulty_total(fault):
    quiet, end = (1.0, False, False, False), (1.0, False, False, True)
    history = [[(1.0, True, False, False), quiet], [end, quiet], [quiet, quiet], [end, end]]
    assert_follows_model(history)
    with pytest.raises(AssertionError):
        assert_follows_model(history, fault)


def test_finished_metrics_do_not_change_with_later_steps():
    totals = EpisodeState.zeros(2)
    batch = step_batch([(1.0, True, False, True), (2.0, False, True, True)])
    finished = advance(totals, batch, batch.truncated)
    kept = {name: values.clone() for name, values in finished.items()}
    for _ in range(3):
        advance(totals, batch, batch.truncated)
    assert all(torch.equal(finished[name], kept[name]) for name in EPISODE_METRICS)


@given(st.lists(st.integers(0, 3), max_size=5), st.integers(0, 8))
def test_extend_takes_the_first_episodes(sizes, most):
    log, other, number = EpisodeLog(), EpisodeLog(), 0
    for size in sizes:
        other.add({name: torch.arange(number, number + size, dtype=torch.float64) for name in EPISODE_METRICS})
        number += size
    log.extend(other, most)
    assert log.values("return").tolist() == list(range(min(number, most)))
    assert log.count == min(number, most)


# Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize("successes, trials, low, high", WILSON)
def test_wilson_interval_has_known_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=7e-5)


def test_wilson_interval_is_not_the_normal_one():
    # The negative control: at 10 of 10 the interval p ± z sqrt(p q / n) would have no width at all.
    assert wilson_interval(10, 10)[0] < 0.73


def test_wilson_interval_without_trials_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_solves_its_own_equation(case):
    # Wilson 1927: its bounds are the rates p at which |observed - p| is exactly z standard errors sqrt(p (1 - p) / n).
    successes, trials = case
    low, high = wilson_interval(*case)
    rate = successes / trials
    assert 0 <= low <= rate + 1e-12 and rate - 1e-12 <= high <= 1
    for bound in (low, high):
        assert (rate - bound) ** 2 == pytest.approx(1.96**2 * bound * (1 - bound) / trials, abs=1e-9)


def sums_of(**columns):
    sums = EpisodeSums.zeros(len(EPISODE_METRICS))
    count = len(next(iter(columns.values()), []))
    full = dict.fromkeys(EPISODE_METRICS, [0.0] * count) | columns
    add_to(sums, {name: torch.tensor(values, dtype=torch.float64) for name, values in full.items()})
    return sums


def written(path, window=2):
    training = [{}, {"success_once": [1.0, 0.0]}, {"return": [4.0, 0.5, 0.0, 0.1]}]
    with MetricsFile(path, new_metrics(window)) as file:
        for k, columns in enumerate(training):
            log = sums_of(**columns)
            shown = {"success_once": k / 4, "success_at_end": k / 8, "return": 10.0 * k + 0.1, "episode_len": 3.0}
            file.write(100 * k, shown, 16 + k, log)
    return path.read_bytes()


def test_metrics_file_holds_steps_means_and_moving_averages(tmp_path):
    path = tmp_path / "metrics.csv"
    written(path)
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == list(MetricsFile.COLUMNS)
    assert [row["step"] for row in rows] == ["0", "100", "200"]
    assert [float(row["success_once"]) for row in rows] == [0.0, 0.25, 0.5]
    assert [float(row["return"]) for row in rows] == [0.1, 10.1, 20.1]
    assert [float(row["success_once_avg"]) for row in rows] == [0.0, 0.125, 0.375]
    assert [float(row["return_avg"]) for row in rows] == pytest.approx([0.1, 5.1, 15.1])
    assert [row["train_success_once"] for row in rows] == ["", "0.5", "0.0"]
    assert [row["train_return"] for row in rows] == ["", "0.0", "1.15"]
    assert [row["train_episodes"] for row in rows] == ["0", "2", "4"]
    assert [row["eval_episodes"] for row in rows] == ["16", "17", "18"]


def test_equal_runs_write_equal_metrics_files(tmp_path):
    same, other = written(tmp_path / "a.csv"), written(tmp_path / "b.csv")
    assert same == other
    assert written(tmp_path / "c.csv", window=3) != same


def test_a_row_can_be_read_before_the_file_is_closed(tmp_path):
    path = tmp_path / "metrics.csv"
    with MetricsFile(path) as file:
        assert path.read_text().splitlines() == [",".join(MetricsFile.COLUMNS)]
        file.write(5, dict.fromkeys(MetricsFile.SHOWN, 1.0), 16, sums_of())
        assert len(path.read_text().splitlines()) == 2


def test_metric_names_are_those_of_maniskill():
    names = {"success_once", "success_at_end", "fail_once", "fail_at_end", "return", "episode_len", "reward"}
    assert set(episodes.EPISODE_METRICS) == names
