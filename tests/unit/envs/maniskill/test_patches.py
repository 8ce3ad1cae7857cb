"""The quicker functions return what ManiSkill's own return, bit for bit."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.metadata
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sac.envs.factory import make_single_env
from sac.envs.maniskill import patched_poses, patches
from sac.envs.maniskill.headless import prepare_rendering
from tests.determinism.resuming import NIGHTLY

pytestmark = pytest.mark.maniskill

TASKS = ("StackCube-v1", "PickCube-v1", "PushCube-v1")
MODES = ("pd_ee_delta_pos", "pd_joint_delta_pos", "pd_ee_delta_pose", "pd_ee_target_delta_pos", "pd_joint_pos")
floats = st.floats(-4, 4, width=32)
# Anything goes, not only unit quaternions: zeros of both signs and numbers that underflow too.
poses = arrays(np.float32, (1, 7), elements=floats | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-149, -(2.0**-75)]))


@pytest.fixture(autouse=True)
def _quick_afterwards():
    yield
    patches.install()


def pose_class():
    prepare_rendering()
    importlib.import_module("mani_skill.envs")
    return importlib.import_module("mani_skill.utils.structs.pose").Pose


def bits(value: torch.Tensor) -> tuple[object, ...]:
    return value.dtype, tuple(value.shape), value.numpy().tobytes()


def both(compute):
    """What `compute` gives with the quicker functions, and without."""
    assert patches.install()
    quickly = compute()
    patches.uninstall()
    return quickly, compute()


@given(poses, poses)
@settings(max_examples=300)
def test_products_and_inverses_of_poses_have_the_same_bits(a, b):
    pose = pose_class()

    def compute():
        left, right = (pose(raw_pose=torch.from_numpy(raw.copy())) for raw in (a, b))
        found = [left * right, left.inv(), right.inv() * left, pose.create(right.sp, device=torch.device("cpu"))]
        found.append(pose.create([left.sp], device=torch.device("cpu")))
        found.append(pose.create(left.p))
        return [bits(one.raw_pose) for one in found]

    quickly, slowly = both(compute)
    assert quickly == slowly


def test_a_sum_in_another_order_would_be_noticed(monkeypatch):
    """Negative control: the same terms, added from the last to the first."""

    def backwards(a, b):
        terms = a[:, None] * (patched_poses._SIGN * b[patched_poses._OTHER])
        return terms[3] + terms[2] + terms[1] + terms[0]

    monkeypatch.setattr(patched_poses, "_product", backwards)
    pose, rng = pose_class(), np.random.RandomState(0)
    raw = [torch.from_numpy(rng.uniform(-1, 1, (1, 7)).astype(np.float32)) for _ in range(20)]
    quickly, slowly = both(lambda: [bits((pose(raw_pose=a) * pose(raw_pose=b)).raw_pose) for a in raw for b in raw])
    assert quickly != slowly


def test_batches_go_to_the_original():
    pose = pose_class()
    batch = torch.from_numpy(np.random.RandomState(0).uniform(-1, 1, (3, 7)).astype(np.float32))
    quickly, slowly = both(lambda: bits((pose(raw_pose=batch) * pose(raw_pose=batch[:1]).inv()).raw_pose))
    assert quickly == slowly
    quickly, slowly = both(lambda: bits(pose.create(batch[:, :3]).raw_pose))
    assert quickly == slowly


@given(arrays(np.float32, (3, 1, 4), elements=floats | st.just(np.nan) | st.sampled_from([1.0, -1.0, 0.0, -0.0])))
@settings(max_examples=300)
def test_scaled_actions_have_the_same_bits(numbers):
    pose_class()
    gym_utils = importlib.import_module("mani_skill.utils.gym_utils")
    action, low, high = torch.from_numpy(numbers)

    quickly, slowly = both(lambda: bits(gym_utils.clip_and_scale_action(action, low[0], high[0])))
    assert quickly == slowly
    quickly, slowly = both(lambda: bits(gym_utils.clip_and_scale_action(action.double(), low[0], high[0])))
    assert quickly == slowly


def test_infinite_bounds_are_passed_over_in_silence_as_before():
    pose_class()
    gym_utils = importlib.import_module("mani_skill.utils.gym_utils")
    action, bounds = torch.full((1, 2), 0.5), torch.full((2,), torch.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quickly, slowly = both(lambda: bits(gym_utils.clip_and_scale_action(action, -bounds, bounds)))
    assert quickly == slowly


def test_velocities_of_one_body_and_of_several_have_the_same_bits():
    env = make_single_env("StackCube-v1")
    env.reset(1, 1)
    base = env.base_env
    actor = importlib.import_module("mani_skill.utils.structs.actor").Actor
    merged = actor.merge([base.cubeA, base.cubeB])
    for number, cube in enumerate((base.cubeA, base.cubeB), start=1):
        cube.linear_velocity, cube.angular_velocity = [0.1 * number, 0, 0], [0, 0.3 * number, 0]

    def compute():
        return [bits(one.linear_velocity) + bits(one.angular_velocity) for one in (base.cubeA, merged)]

    quickly, slowly = both(compute)
    assert quickly == slowly and quickly[0] != quickly[1]


ARRAYS = {
    "a vector": np.arange(3, dtype=np.float32),
    "a list of one": [np.arange(3, dtype=np.float32)],
    "a list of two": [np.arange(3, dtype=np.float32)] * 2,
    "a number": np.float32(2),
    "no axis": np.array(2, np.float32),
    "every second": np.arange(6, dtype=np.float32)[::2],
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "none": np.zeros((0, 3), np.float32),
    "double": np.arange(3, dtype=np.float64) / 3,
    "a list of double": [np.arange(3, dtype=np.float64) / 3],
    "whole": np.arange(3),
    "unsigned": np.arange(3, dtype=np.uint16),
    "a tensor": torch.arange(3) / 3,
    "double tensor": torch.arange(3, dtype=torch.float64) / 3,
    "a tree": {"a": {"b": np.arange(3, dtype=np.float32)}},
}


@pytest.mark.parametrize("device", [None, torch.device("cpu"), "cpu"])
@pytest.mark.parametrize("name", ARRAYS)
def test_tensors_of_arrays_are_the_same_and_share_no_memory_where_they_did_not(name, device):
    pose_class()
    common = importlib.import_module("mani_skill.utils.common")

    def compute():
        array = copy.deepcopy(ARRAYS[name])
        found = common.to_tensor(array, device)
        before = [(bits(leaf), leaf.stride()) for leaf in _leaves(found)]
        _overwrite(array)
        return before, [bits(leaf) for leaf in _leaves(found)]

    quickly, slowly = both(compute)
    assert quickly == slowly


def _overwrite(array) -> None:
    """Change the numbers that a tensor was made of, which shows in it where it shares their memory."""
    for leaf in _leaves(array):
        for part in leaf if isinstance(leaf, list) else [leaf]:
            if isinstance(part, (np.ndarray, torch.Tensor)):
                part[...] = 9


def test_an_action_that_is_not_a_number_is_refused_as_before():
    env = make_single_env("PushCube-v1")
    env.reset(1, 1)
    for change in (patches.install, patches.uninstall):
        change()
        with pytest.raises(ValueError, match="Action cannot be NaN"):
            env.step(np.full(env.spec.action_dim, np.nan, np.float32))


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


@pytest.mark.skipif(not NIGHTLY, reason="every task takes ten minutes: ./dev nightly")
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


def test_another_version_of_maniskill_is_left_as_it_is(monkeypatch):
    pose = pose_class()
    patches.uninstall()
    before = pose.__dict__["create"]
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.1.0")
    assert not patches.install() and pose.__dict__["create"] is before


def test_installing_twice_and_removing_leaves_maniskills_own():
    pose = pose_class()
    patches.uninstall()
    before = pose.__dict__["create"]
    assert patches.install() and patches.install() and pose.__dict__["create"] is not before
    patches.uninstall()
    assert pose.__dict__["create"] is before
