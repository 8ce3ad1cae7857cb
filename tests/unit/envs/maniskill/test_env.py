"""A ManiSkill episode is a function of its seeds and actions; nothing before or beside it matters."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from sac.envs.factory import make_single_env
from sac.envs.maniskill import physics_reset
from sac.envs.maniskill.env import find_task
from tests.unit.envs.fakes import global_states, play, pollute

pytestmark = pytest.mark.maniskill


def test_without_settling_earlier_episodes_are_felt(monkeypatch):
    """Negative control: ManiSkill's own seeded reset leaves the last episode's contact forces in AntWalk."""
    expected = play(make_single_env("MS-AntWalk-v1"), seed=3)
    monkeypatch.setattr("sac.envs.maniskill.env.reset_physics", lambda base_env: True)
    used = make_single_env("MS-AntWalk-v1")
    play(used, seed=11)
    assert play(used, seed=3) != expected


def test_where_the_scene_cannot_be_reset_it_is_rebuilt_with_the_same_bits(monkeypatch):
    expected = play(make_single_env("MS-AntWalk-v1"), seed=3)
    rebuilt = make_single_env("MS-AntWalk-v1")
    monkeypatch.setattr("sac.envs.maniskill.env.reset_physics", lambda base_env: False)
    play(rebuilt, seed=11)
    assert play(rebuilt, seed=3) == expected


def test_a_scene_with_a_renderer_is_left_alone():
    base = make_single_env("PushCube-v1").base_env
    base.scene.can_render = lambda: True
    before = base.scene.px
    assert not physics_reset.reset_physics(base) and base.scene.px is before


def test_global_generators_and_threads_are_neither_read_nor_moved():
    threads = torch.get_num_threads()
    runs = []
    for pollution in (1, 2):
        pollute(pollution)
        before = global_states()
        runs.append(play(make_single_env("StackCube-v1"), seed=3, steps=10))
        assert global_states() == before
    assert runs[0] == runs[1] and torch.get_num_threads() == threads


def test_a_task_from_elsewhere_may_take_gradients():
    find_task("PushCube-v1")
    registration = importlib.import_module("mani_skill.utils.registration")
    pushing: Any = registration.REGISTERED_ENVS["PushCube-v1"].cls

    class Descent(pushing):
        def compute_normalized_dense_reward(self, obs, action, info):
            place = self.obj.pose.p.clone().requires_grad_()
            return torch.autograd.grad((place**2).sum(), place)[0].sum(1)

    registration.register_env("Descent-v1", max_episode_steps=5)(Descent)
    try:
        first, second = (play(make_single_env("Descent-v1"), seed=3) for _ in range(2))
    finally:
        del registration.REGISTERED_ENVS["Descent-v1"]
    assert first == second


def test_a_bare_maniskill_reset_without_a_seed_is_caught():
    """Negative control: ManiSkill's auto-reset draws from the global generator."""
    base = make_single_env("PushCube-v1").base_env
    found = []
    for pollution in (1, 2):
        pollute(pollution)
        before = global_states()
        with torch.inference_mode():
            found.append(base.reset()[0].numpy().tobytes())
        assert global_states() != before
    assert found[0] != found[1]
