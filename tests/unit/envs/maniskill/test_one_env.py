"""One ManiSkill environment around a task that draws at every turn: its draws and its ends are the episode's own."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sac.envs.maniskill import env as module
from sac.envs.maniskill.env import ManiSkillEnv
from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.protocol import EnvSpec
from tests.unit.envs.fakes import draw, global_states, pollute

LENGTH = 4


class DrawingTask:
    """What ManiSkill's `BaseEnv` offers; every answer is a draw, and all lie in one buffer."""

    def __init__(self):
        self.buffer, self.resets, self.renders = torch.zeros(1, 3), [], []

    def _answer(self):
        self.buffer.copy_(torch.from_numpy(draw()))
        return self.buffer

    def reset(self, seed, options):
        self.resets.append((seed, options["reconfigure"]))
        return self._answer(), {}

    def step(self, action):
        answer = self._answer()
        return answer, torch.tensor([float(answer.sum())]), torch.tensor([False]), torch.tensor([False]), {}

    def render(self):
        self.renders.append(draw())
        return torch.zeros(1, 2, 2, 3, dtype=torch.uint8)


def make_env(physics=lambda base_env: True):
    env = ManiSkillEnv.__new__(ManiSkillEnv)
    bound = np.ones(2, np.float32)
    env.base_env, env.spec = DrawingTask(), EnvSpec("Drawing-v1", 3, -bound, bound, LENGTH)
    env._generators, env._mode = IsolatedGenerators(), nullcontext
    env._actions = SimpleNamespace(split=lambda action: action)
    env._scene_seed, env._steps = None, 0
    return env


@pytest.fixture(autouse=True)
def physics(monkeypatch):
    """Counts resets of the physics, which this task has none of."""
    calls = []
    monkeypatch.setattr(module, "reset_physics", lambda base_env: calls.append(base_env) or True)
    return calls


def play(env, seed, steps=LENGTH):
    seen = [env.reset(seed, 7)]
    seen += [env.step(np.zeros(2, np.float32)) for _ in range(steps)]
    return [seen[0].tobytes(), *(one.observation.tobytes() + repr(one[1:]).encode() for one in seen[1:])]


def test_what_a_task_draws_depends_on_its_seed_alone_and_moves_nothing():
    env, runs = make_env(), []
    for pollution in (1, 2):
        pollute(pollution)
        before = global_states()
        runs.append(play(env, 3))
        env.render()
        assert global_states() == before
        play(env, 11)
    assert runs[0] == runs[1] != play(env, 4)
    assert len(set(runs[0])) == len(runs[0]), "steps must not draw the same"
    # The first reset builds the scene, with draws of its own; after it each episode begins alike.
    frames = env.base_env.renders
    assert frames[0].tobytes() == frames[1].tobytes()


def test_an_episode_is_truncated_at_its_last_step_and_not_before():
    env = make_env()
    for _ in range(2):
        env.reset(3, 7)
        ends = [env.step(np.zeros(2, np.float32)).truncated for _ in range(LENGTH)]
        assert ends == [False] * (LENGTH - 1) + [True]


def test_an_observation_is_the_callers_to_keep():
    env = make_env()
    first = env.reset(3, 7)
    kept = first.copy()
    second = env.step(np.zeros(2, np.float32)).observation
    after = second.copy()
    env.step(np.zeros(2, np.float32))
    assert first.tobytes() == kept.tobytes() and second.tobytes() == after.tobytes()


def test_each_episode_begins_with_reset_physics_or_in_a_new_scene(physics):
    env = make_env()
    for seed, scene in ((1, 7), (2, 7), (3, 8), (4, 8)):
        env.reset(seed, scene)
    assert env.base_env.resets == [(7, True), (1, False), (2, False), (8, True), (3, False), (4, False)]
    assert len(physics) == 2


def test_where_physics_can_not_be_reset_the_scene_is_rebuilt(monkeypatch):
    monkeypatch.setattr(module, "reset_physics", lambda base_env: False)
    env = make_env()
    env.reset(1, 7)
    env.reset(2, 7)
    assert env.base_env.resets == [(7, True), (1, False), (7, True), (2, False)]
