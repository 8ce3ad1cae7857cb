"""The point task: its numbers, its rewards, and its speed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.envs.point import POINT_EPISODE_STEPS, PointVectorEnv, hash_uniform
from sac.envs.protocol import EnvironmentFault
from tests.unit.envs.fakes import actions, episode_seed, rollout

PINNED_FIRST = "c002363f280ea43e0000000000000000e2eb5b3f58daaebe"
PINNED_THIRD = "8dcf5e3ff0c152bd6766063ecccc9cbee2eb5b3f58daaebed2b66c3f"


@given(seed=st.integers(0, 2**31 - 1))
def test_hashed_numbers_depend_on_the_seed_alone_and_stay_in_range(seed):
    alone = hash_uniform(np.array([seed]), 4)
    among = hash_uniform(np.array([seed + 1, seed, 0]), 4)
    assert np.array_equal(alone[0], among[1]) and not np.array_equal(among[0], among[1])
    assert (alone >= -1).all() and (alone < 1).all()


def test_hashed_numbers_are_spread_evenly():
    drawn = hash_uniform(np.arange(20_000), 4)
    assert np.abs(drawn.mean(axis=0)).max() < 0.02 and np.abs(drawn.var(axis=0) - 1 / 3).max() < 0.01
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03


def test_the_bits_are_pinned():
    """Goldens elsewhere rest on them: a change of the task must be meant."""
    observation, _ = PointVectorEnv(1, lambda i, e: 5).reset()
    batch = rollout(PointVectorEnv(1, lambda i, e: 5), [torch.tensor([[0.3, -0.7]])] * 3)[-1]
    assert observation.numpy().tobytes().hex() == PINNED_FIRST
    assert (batch.observation.numpy().tobytes() + batch.reward.numpy().tobytes()).hex() == PINNED_THIRD


def test_rewards_are_normalised_and_highest_at_the_goal():
    batches = rollout(PointVectorEnv(64, episode_seed), actions(64, 2, 50))
    rewards = torch.stack([batch.reward for batch in batches])
    assert float(rewards.min()) >= 0 and float(rewards.max()) <= 1
    success = torch.stack([batch.success for batch in batches])
    assert float(rewards[success].min()) > 0.93


def test_a_simple_controller_reaches_the_goal_and_standing_still_does_not():
    env = PointVectorEnv(32, episode_seed)
    observation, _ = env.reset()
    reached = torch.zeros(32, dtype=torch.bool)
    for _ in range(POINT_EPISODE_STEPS):
        batch = env.step((observation[:, 4:] - observation[:, :2]) * 4 - observation[:, 2:4] * 2)
        observation, reached = batch.observation, reached | batch.success
    assert reached.all()
    still = rollout(PointVectorEnv(32, episode_seed), [torch.zeros(32, 2)] * POINT_EPISODE_STEPS)
    assert sum(int(batch.success.sum()) for batch in still) < 64
    assert still[-1].truncated.float().mean() > 0.8


def test_misuse_is_refused():
    env = PointVectorEnv(2, episode_seed)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(torch.zeros(2, 2))
    env.reset()
    with pytest.raises(ValueError, match="expected"):
        env.step(torch.zeros(3, 2))
    with pytest.raises(EnvironmentFault, match="environment 1"):
        env.step(torch.tensor([[0.0, 0.0], [0.0, float("inf")]]))
    with pytest.raises(ValueError, match="num_envs"):
        PointVectorEnv(0, episode_seed)
