"""The GPU path's seeds, on a stand-in for ManiSkill's vectorised environment; its errors, for real."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sac.envs.errors import BadEnvironment
from sac.envs.maniskill import cuda
from sac.envs.maniskill.cuda import ManiSkillCudaVectorEnv
from sac.envs.protocol import EnvSpec
from tests.unit.envs.fakes import actions, episode_seed, first_difference, rollout

BOUND = np.ones(2, np.float32)
SPEC = EnvSpec("Fake-v1", 2, -BOUND, BOUND, 4)


class FakeBaseEnv:
    """Resets like ManiSkill's: torch is seeded once a call, from entry 0; unseeded resets draw globally."""

    device = torch.device("cpu")

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.state = torch.zeros(num_envs, 2)
        self.scene = torch.zeros(num_envs)
        self.steps = torch.zeros(num_envs)

    def reset(self, seed=None, options=None):
        options = options or {}
        if options.get("reconfigure"):
            self.scene = torch.tensor([float(s) for s in seed])
        rows = options.get("env_idx", torch.arange(self.num_envs))
        with torch.random.fork_rng():
            torch.manual_seed(seed[0])
            self.state[rows] = torch.rand(len(rows), 2)
        self.steps[rows] = 0
        return self.state, {}

    def step(self, action):
        torch.rand(3)
        self.steps += 1
        self.state = self.state + action
        success = self.steps >= 3
        return self.state, self.state.sum(dim=1), success, torch.zeros_like(success), {"success": success}

    def close(self) -> None:
        self.num_envs = 0


def make(num_envs=3, **options):
    return ManiSkillCudaVectorEnv(FakeBaseEnv(num_envs), SPEC, episode_seed, **options)


def test_rows_do_not_depend_on_who_else_is_reset():
    steps = actions(4, 2, 11)
    few, many = rollout(make(2), [s[:2] for s in steps]), rollout(make(4), steps)
    assert first_difference(few, many, row=1) is None


def test_a_joint_reset_would_depend_on_the_others():
    """Negative control: the stand-in has the trap that the class goes round."""
    alone, joint = FakeBaseEnv(2), FakeBaseEnv(2)
    alone.reset(seed=[5, 5], options={"env_idx": torch.tensor([1])})
    joint.reset(seed=[4, 5])
    assert not torch.equal(alone.state[1], joint.state[1])


def test_the_global_generator_stays_where_it_is():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    rollout(make(), actions(3, 2, 9))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("ignore", [True, False])
def test_episodes_end_and_begin_as_promised(ignore):
    batches = rollout(make(ignore_terminations=ignore), actions(3, 2, 4))
    ended = [bool(b.terminated.any() | b.truncated.any()) for b in batches]
    assert ended == ([False, False, False, True] if ignore else [False, False, True, False])
    last = batches[ended.index(True)]
    assert last.reset_seed.tolist() == [episode_seed(i, 1) for i in range(3)]
    assert not torch.equal(last.observation, last.next_observation)


def test_scenes_are_built_once_or_as_often_as_asked():
    env = make(ignore_terminations=True, reconfiguration_freq=2)
    for episode, scene in [(0, 0), (1, 0), (2, 2), (3, 2)]:
        env.reset(episode)
        assert env._base_env.scene.tolist() == [float(episode_seed(i, scene)) for i in range(3)]


def test_rebuilding_with_partial_resets_is_refused():
    with pytest.raises(BadEnvironment, match="--reconfiguration_freq 1"):
        make(reconfiguration_freq=1)


def test_a_missing_cuda_device_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadEnvironment, match=r"CUDA device.*--sim_backend physx_cpu"):
        cuda.require_gpu_simulator()


def test_a_missing_gpu_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "find_gpu_library", lambda: tmp_path / "libPhysXGpu_64.so")
    with pytest.raises(BadEnvironment, match=r"libPhysXGpu_64\.so does not exist.*--sim_backend physx_cpu"):
        cuda.require_gpu_simulator()
