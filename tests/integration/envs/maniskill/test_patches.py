"""Whole episodes have the same bits with the quicker functions as with ManiSkill's own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata

import numpy as np
import pytest
import torch

from sac.envs.factory import make_single_env
from sac.envs.maniskill import patches
from sac.envs.maniskill.headless import prepare_rendering
from tests.nightly import at_night

pytestmark = pytest.mark.maniskill


TASKS = ("StackCube-v1", "PickCube-v1", "PushCube-v1")


MODES = ("pd_ee_delta_pos", "pd_joint_delta_pos", "pd_ee_delta_pose", "pd_ee_target_delta_pos", "pd_joint_pos")


@pytest.fixture(autouse=True)
def _quick_afterwards():
    yield
    patches.install()


def bits(value: torch.Tensor) -> tuple[object, ...]:
    return value.dtype, tuple(value.shape), value.numpy().tobytes()


def both(compute):
    """What `compute` gives with the quicker functions, and without."""
    assert patches.install()
    quickly = compute()
    patches.uninstall()
    return quickly, compute()


def play(env, seed: int, steps: int) -> list[bytes]:
    """Episodes that end now and then; the arm goes for the cube and closes its hand, so that grasps happen too."""
    rng = np.random.RandomState(seed)
    trace = []
    for step in range(steps):
        if step % 50 == 0:
            trace.append(env.reset(seed + step, seed).tobytes())
        transition = env.step(chase(env, rng, step % 50))
        with torch.inference_mode():
            state, info = env.base_env.scene.get_sim_state(), env.base_env.get_info()
        info = {name: value for name, value in info.items() if isinstance(value, torch.Tensor)}
        values = [*_leaves(state), *info.values()]
        trace.append(transition.observation.tobytes() + repr(transition[1:]).encode() + repr(bits_of(values)).encode())
    return trace


def _leaves(state):
    for value in state.values() if isinstance(state, dict) else [state]:
        yield from _leaves(value) if isinstance(value, dict) else [value]


def bits_of(values):
    return [bits(value) for value in values]


def chase(env, rng, step: int) -> np.ndarray:
    """Random actions; with end-effector control, drawn towards the cube, down on it, and up with it."""
    action = rng.uniform(-1, 1, env.spec.action_dim).astype(np.float32)
    base = env.base_env
    cube = getattr(base, "cubeA", None) or getattr(base, "cube", None)
    if cube is None or env.spec.action_dim != 4:
        return action
    gap = (cube.pose.p - base.agent.tcp.pose.p)[0].numpy()
    action[:3] = np.clip(gap * 8, -1, 1) + 0.05 * action[:3]
    if step > 25:
        action[2] = 0.5
    action[3] = 1.0 if step < 18 else -1.0
    return action


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", TASKS)
def test_episodes_have_the_same_bits_as_without(env_id, mode):
    steps = 110 if mode in MODES[:2] else 30
    env = make_single_env(env_id, control_mode=mode)
    quickly, slowly = both(lambda: play(env, 5, steps))
    assert [i for i, (a, b) in enumerate(zip(quickly, slowly, strict=True)) if a != b] == []


@pytest.mark.parametrize("env_id", TASKS)
def test_inference_mode_changes_no_bit(env_id, monkeypatch):
    found = play(make_single_env(env_id, control_mode="pd_ee_delta_pos"), 5, 60)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "inference_mode", contextlib.nullcontext)
        assert play(make_single_env(env_id, control_mode="pd_ee_delta_pos"), 5, 60) == found


@at_night("every task takes ten minutes")
def test_every_task_and_control_mode_has_the_same_bits_as_without(monkeypatch):
    prepare_rendering()
    importlib.import_module("mani_skill.envs")
    tasks = importlib.import_module("mani_skill.utils.registration").REGISTERED_ENVS
    compared, differ = [], []
    for env_id in sorted(tasks):
        try:
            env = make_single_env(env_id)
        except Exception as error:  # assets that aren't here, several robots, no dense reward, ...
            print(f"{env_id} can't be made here: {error}")
            continue
        modes = env.base_env.agent.supported_control_modes if env_id == "PickCube-v1" else [env.base_env.control_mode]
        for mode in modes:
            quickly, slowly = both(lambda mode=mode, env_id=env_id: short_play(env_id, mode, monkeypatch))
            compared.append(f"{env_id} {mode}")
            differ += [compared[-1]] if quickly != slowly else []
    assert len(compared) >= 35 and not differ, differ


def short_play(env_id: str, mode: str, monkeypatch) -> list[bytes]:
    """Two episodes of a task, in inference mode where the quicker functions are installed."""
    with monkeypatch.context() as patch:
        if not patches._originals:
            patch.setattr(patches, "install", lambda: False)
            patch.setattr(torch, "inference_mode", contextlib.nullcontext)
        env = make_single_env(env_id, control_mode=mode)
    trace = play(env, 5, 12)
    env.close()
    return trace


def test_the_episodes_compared_hold_grasps_and_their_absence():
    """Otherwise the short cut through `is_grasping` would be compared on one side only."""
    env = make_single_env("StackCube-v1", control_mode="pd_ee_delta_pos")
    env.reset(5, 5)
    rng = np.random.RandomState(5)
    grasped = []
    for step in range(50):
        env.step(chase(env, rng, step))
        grasped.append(bool(env.base_env.agent.is_grasping(env.base_env.cubeA)))
    assert any(grasped) and not all(grasped)
