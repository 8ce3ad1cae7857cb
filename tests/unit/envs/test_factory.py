"""Bad input ends in one message that names the flag, the value and what would be valid."""

from __future__ import annotations

import importlib

import pytest

from sac.envs.errors import BadEnvironment
from sac.envs.factory import make_vector_env
from sac.envs.maniskill.env import find_task
from sac.envs.point import PointVectorEnv
from tests.unit.envs.fakes import episode_seed

# (arguments, what the message must contain)
BAD = [
    ({"env_id": "Point-v7"}, ["--env_id 'Point-v7'", "Point-v1"]),
    ({"env_id": "Point-v1", "num_envs": 0}, ["--num_envs 0"]),
    ({"env_id": "Point-v1", "reconfiguration_freq": -1}, ["--reconfiguration_freq -1"]),
    ({"env_id": "StackCube-v1", "sim_backend": "mujoco"}, ["--sim_backend 'mujoco'", "physx_cpu, physx_cuda"]),
]
BAD_MANISKILL = [
    ({"env_id": "StackCub-v1"}, ["--env_id 'StackCub-v1'", "did you mean", "StackCube-v1"]),
    ({"env_id": "stackcube-v1"}, ["did you mean StackCube-v1"]),
    (
        {"env_id": "PushCube-v1", "control_mode": "pd_ee_delta_position"},
        ["--control_mode 'pd_ee_delta_position'", "did you mean", "valid values", "pd_joint_delta_pos"],
    ),
    ({"env_id": "PushCube-v1", "reward_mode": "most"}, ["--reward_mode 'most'", "normalized_dense, dense, sparse"]),
    ({"env_id": "Empty-v1"}, ["--env_id 'Empty-v1'", "gives no reward"]),
    ({"env_id": "OpenCabinetDrawer-v1"}, ["download_asset partnet_mobility_cabinet"]),
    ({"env_id": "TurnFaucet-v1"}, ["--env_id 'TurnFaucet-v1'"]),
    ({"env_id": "PushT-v1"}, ["--env_id 'PushT-v1'", "renderer"]),
]


def build(env_id, num_envs=1, **options):
    return make_vector_env(env_id, num_envs, episode_seed, **options)


def check(arguments, parts):
    with pytest.raises(BadEnvironment) as caught:
        build(**arguments)
    for part in parts:
        assert part in str(caught.value), f"{part!r} is missing in: {caught.value}"


@pytest.mark.parametrize(("arguments", "parts"), BAD)
def test_bad_input_is_explained(arguments, parts):
    check(arguments, parts)


@pytest.mark.maniskill
@pytest.mark.parametrize(("arguments", "parts"), BAD_MANISKILL)
def test_bad_input_for_maniskill_is_explained(arguments, parts):
    check(arguments, parts)


@pytest.mark.parametrize("env_id", ["Point-v1", "point-v1"])
def test_the_point_task_needs_no_maniskill(env_id):
    env = build(env_id, 3, ignore_terminations=True)
    assert isinstance(env, PointVectorEnv) and env.num_envs == 3


@pytest.mark.maniskill
def test_a_robot_that_is_not_downloaded_is_named_and_nothing_is_asked(monkeypatch):
    find_task("AnymalC-Reach-v1")
    robot = importlib.import_module("mani_skill.agents.robots.anymal.anymal_c").ANYmalC
    monkeypatch.setattr(robot, "urdf_path", "/nowhere/anymal.urdf")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked on the terminal"))
    with pytest.raises(BadEnvironment, match=r"--env_id 'AnymalC-Reach-v1' .*download_asset anymal_c"):
        make_vector_env("AnymalC-Reach-v1", 1, episode_seed)
