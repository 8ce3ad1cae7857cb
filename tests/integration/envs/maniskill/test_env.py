"""Whole episodes of several tasks are functions of their seeds and actions."""

from __future__ import annotations

import pytest

from sac.envs.factory import make_single_env, make_vector_env
from tests.unit.envs.fakes import actions, episode_seed, first_difference, play, rollout

pytestmark = pytest.mark.maniskill


# (task, control mode, observation and action length, whether the scene depends on its seed)
TASKS = [
    ("PickCube-v1", "pd_ee_delta_pos", 42, 4, False),
    ("StackCube-v1", "pd_ee_delta_pos", 48, 4, False),
    ("PushCube-v1", "pd_joint_delta_pos", 35, 8, False),
    ("PullCube-v1", None, 35, 8, False),
    ("PegInsertionSide-v1", None, 43, 8, True),
    ("MS-AntWalk-v1", None, 114, 8, False),
]


each_task = pytest.mark.parametrize(("env_id", "mode", "dim", "action_dim", "scene_varies"), TASKS)


@each_task
def test_an_episode_after_cut_off_ones_equals_a_fresh_one(env_id, mode, dim, action_dim, scene_varies):
    used, fresh = make_single_env(env_id, control_mode=mode), make_single_env(env_id, control_mode=mode)
    assert (fresh.spec.observation_dim, fresh.spec.action_dim) == (dim, action_dim)
    expected = play(fresh, seed=3)
    for seed, steps in [(11, 37), (12, 5), (13, 50)]:
        play(used, seed, steps=steps)
    assert play(used, seed=3) == expected
    assert (play(used, seed=3, scene_seed=8, steps=0) != expected[:1]) is scene_varies
    assert play(used, seed=3) == expected
    assert play(used, seed=4) != expected


def test_vector_rows_do_not_depend_on_the_number_of_environments():
    few = make_vector_env("PegInsertionSide-v1", 2, episode_seed, reconfiguration_freq=1)
    many = make_vector_env("PegInsertionSide-v1", 3, episode_seed, reconfiguration_freq=1)
    steps = actions(3, 8, 103)
    a = rollout(few, [step[:2] for step in steps])
    b = rollout(many, steps)
    assert first_difference(a, b, row=1) is None
    # The lengths of the pegs, part of the observation, are the environments' own.
    assert len({row.numpy().tobytes() for row in many.reset()[0][:, 32:35]}) == 3
    assert bool(a[99].truncated.all()) and a[99].reset_seed.tolist() == [episode_seed(i, 1) for i in range(2)]


def test_starting_at_a_later_episode_equals_playing_up_to_it():
    """What resuming rests on, for a task whose scene has a seed of its own."""
    played = make_vector_env("PegInsertionSide-v1", 1, episode_seed)
    steps = actions(1, 8, 110)
    rollout(played, steps[:100])
    late = make_vector_env("PegInsertionSide-v1", 1, episode_seed)
    late.reset(episode=1)
    assert first_difference([played.step(s) for s in steps[100:]], [late.step(s) for s in steps[100:]]) is None
