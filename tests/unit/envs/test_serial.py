"""`SerialVectorEnv` hands single environments the right seeds, and names the one that fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.envs.protocol import NO_RESET, EnvironmentFault
from sac.envs.serial import SerialVectorEnv, scene_episode
from tests.unit.envs.fakes import FAKE_STEPS, DrawingEnv, actions, episode_seed, rollout


def make(num_envs: int = 2, **options) -> SerialVectorEnv:
    return SerialVectorEnv([DrawingEnv(isolated=True) for _ in range(num_envs)], episode_seed, **options)


@pytest.mark.parametrize(("frequency", "episodes"), [(0, [0, 0, 0, 0, 0]), (1, [0, 1, 2, 3, 4]), (2, [0, 0, 2, 2, 4])])
def test_scenes_are_rebuilt_from_the_right_episodes_seed(frequency, episodes):
    env = make(reconfiguration_freq=frequency)
    rollout(env, actions(2, 2, 4 * FAKE_STEPS))
    for index, single in enumerate(env._envs):
        assert single.scenes == [episode_seed(index, episode) for episode in episodes]


@given(episode=st.integers(0, 10**6), frequency=st.integers(0, 50))
def test_a_scene_depends_on_the_episode_not_on_the_resets_so_far(episode, frequency):
    scene = scene_episode(episode, frequency)
    assert 0 <= scene <= episode
    assert scene_episode(scene, frequency) == scene


@pytest.mark.parametrize("ignore", [True, False])
def test_terminations_end_an_episode_unless_ignored(ignore):
    env = SerialVectorEnv([DrawingEnv(isolated=True, terminate_at=2)], episode_seed, ignore_terminations=ignore)
    batches = rollout(env, actions(1, 2, FAKE_STEPS))
    assert bool(batches[1].success) and bool(batches[1].terminated) is not ignore
    assert int(batches[1].reset_seed) == (NO_RESET if ignore else episode_seed(0, 1))


@pytest.mark.parametrize(
    ("poison", "text"),
    [("raise", "the simulator died"), ("observation", "1 of 3 values of observation"), ("reward", "of reward")],
)
def test_a_fault_names_environment_episode_step_and_field(poison, text):
    env = make(3)
    rollout(env, actions(3, 2, FAKE_STEPS + 1))
    env._envs[1].poison = poison
    with pytest.raises(EnvironmentFault, match=text) as caught:
        env.step(torch.zeros(3, 2))
    assert "environment 1, episode 1, step 2" in str(caught.value)


def test_bad_actions_are_refused():
    env = make()
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(2, 3\), expected \(2, 2\)"):
        env.step(torch.zeros(2, 3))
    with pytest.raises(EnvironmentFault, match=r"environment 1, .* action are not finite"):
        env.step(torch.tensor([[0.0, 0.0], [0.0, float("nan")]]))


def test_no_environments_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        SerialVectorEnv([], episode_seed)


def test_environments_do_not_share_memory_with_the_callers_actions():
    env = make(1)
    env.reset()
    action = torch.zeros(1, 2)
    env._checked_actions(action)[:] = 5
    assert np.array_equal(action, np.zeros((1, 2)))


def test_only_the_environment_whose_episode_ended_begins_another():
    """Ends at unlike steps: environment 0 after 2, 1 after 3, 2 after 5, its time limit."""
    ends = (2, 3, None)
    env = SerialVectorEnv([DrawingEnv(isolated=True, terminate_at=end) for end in ends], episode_seed)
    lengths = [end or FAKE_STEPS for end in ends]
    for number, batch in enumerate(rollout(env, actions(3, 2, 3 * FAKE_STEPS)), 1):
        for index, length in enumerate(lengths):
            ended = number % length == 0
            assert int(batch.reset_seed[index]) == (episode_seed(index, number // length) if ended else NO_RESET)
            assert torch.equal(batch.observation[index], batch.next_observation[index]) is not ended
    assert env.episodes.tolist() == [3 * FAKE_STEPS // length for length in lengths]
