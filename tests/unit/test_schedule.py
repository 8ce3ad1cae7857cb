"""What is due when: each rule as one would write it down, one env step at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.schedule import Schedule

BASE = TrainConfig(num_envs=1, training_freq=1, total_timesteps=100, learning_starts=10, utd=1.0)
every = st.integers(1, 40)


def multiple_within(step: int, stride: int, every: int) -> bool:
    """Whether one of the steps that an iteration has just taken was a multiple of `every`."""
    return any(taken % every == 0 for taken in range(step - stride + 1, step + 1))


@given(stride=every, freq=every, iteration=st.integers(1, 100))
def test_evaluations_and_logs_are_due_at_the_first_iteration_that_reaches_a_multiple(stride, freq, iteration):
    step = iteration * stride
    schedule = Schedule(replace(BASE, training_freq=stride, eval_freq=freq, log_freq=freq, total_timesteps=10**6))
    assert schedule.evaluates(step) == schedule.logs(step) == multiple_within(step, stride, freq)


def test_the_last_step_is_evaluated_whatever_the_cadence():
    schedule = Schedule(replace(BASE, eval_freq=33))
    assert [step for step in range(1, 101) if schedule.evaluates(step)] == [33, 66, 99, 100]
    assert schedule.ends(100) and not schedule.ends(99)


def test_without_evaluations_none_is_due():
    schedule = Schedule(replace(BASE, eval_freq=0))
    assert not any(schedule.evaluates(step) for step in range(101))


@pytest.mark.parametrize("freq, lines", [(0, []), (1, list(range(101))), (40, [0, 30, 40, 60, 80, 90, 100])])
def test_the_ledger_has_a_line_where_asked_at_each_evaluation_and_at_the_end(freq, lines):
    schedule = Schedule(replace(BASE, ledger_freq=freq, eval_freq=30))
    assert [k for k in range(101) if schedule.records(k, k)] == lines


def test_actions_are_uniform_until_learning_starts_and_in_the_first_iteration():
    schedule = Schedule(replace(BASE, learning_starts=10))
    assert [step for step in range(20) if schedule.warms_up(step, step)] == list(range(10))
    assert Schedule(replace(BASE, learning_starts=0)).warms_up(0, 0)


@pytest.mark.parametrize(
    "step, stored, utd, due", [(9, 9, 1.0, False), (10, 10, 1.0, True), (10, 0, 1.0, False), (10, 10, 0.0, False)]
)
def test_gradient_steps_are_due_once_learning_has_started_and_rows_are_stored(step, stored, utd, due):
    assert Schedule(replace(BASE, utd=utd)).learns(step, stored) is due
