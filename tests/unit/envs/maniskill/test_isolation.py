"""What runs inside `IsolatedGenerators` neither reads nor moves the process's generators."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.serial import SerialVectorEnv
from tests.unit.envs.fakes import (
    DrawingEnv,
    actions,
    draw,
    episode_seed,
    first_difference,
    global_states,
    pollute,
    rollout,
)

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def keep_global_states():
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(torch_state)


@given(outer=SEEDS, inner=SEEDS)
@settings(max_examples=30)
def test_drawing_inside_does_not_move_the_global_generators(outer, inner):
    pollute(outer)
    before = global_states()
    with IsolatedGenerators(inner):
        draw()
        np.random.randn()
        random.gauss(0, 1)
    assert global_states() == before


@given(seed=SEEDS, pollution=SEEDS)
@settings(max_examples=30)
def test_draws_inside_depend_on_the_seed_alone(seed, pollution):
    clean = IsolatedGenerators(seed)
    with clean:
        expected = [draw(), draw()]
    polluted = IsolatedGenerators(seed)
    found = []
    for _ in range(2):
        pollute(pollution)
        with polluted:
            found.append(draw())
    assert np.array_equal(found, expected)


def test_a_cached_gaussian_survives_on_both_sides():
    pollute(3)
    expected = np.random.RandomState(3).randn(2)[1]
    generators = IsolatedGenerators(5)
    with generators:
        first = np.random.randn()
    assert np.random.randn() == expected
    with generators:
        assert [first, np.random.randn()] == list(np.random.RandomState(5).randn(2))


def test_an_exception_restores_the_callers_states():
    before = global_states()
    with pytest.raises(ZeroDivisionError), IsolatedGenerators(1):
        draw()
        raise ZeroDivisionError
    assert global_states() == before


def test_instances_nest_but_one_instance_refuses_to_be_entered_twice():
    outer, inner = IsolatedGenerators(1), IsolatedGenerators(2)
    before = global_states()
    with outer:
        inside = global_states()
        with inner:
            draw()
        assert global_states() == inside
        with pytest.raises(RuntimeError, match="entered already"), outer:
            pass
    assert global_states() == before


def test_seeding_inside_equals_seeding_outside():
    outside, inside = IsolatedGenerators(9), IsolatedGenerators(1)
    with outside:
        expected = draw()
    with inside:
        inside.seed(9)
        assert np.array_equal(draw(), expected)


@pytest.mark.parametrize("isolated", [True, False])
def test_an_unisolated_environment_is_caught(isolated):
    """The negative control: without isolation the same comparison must fail."""
    steps = actions(2, 2, 12)
    runs = []
    for pollution in (11, 12):
        pollute(pollution)
        before = global_states()
        env = SerialVectorEnv([DrawingEnv(isolated=isolated) for _ in range(2)], episode_seed)
        runs.append(rollout(env, steps))
        assert (global_states() == before) is isolated
    assert (first_difference(*runs) is None) is isolated
