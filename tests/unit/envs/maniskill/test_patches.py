"""The quicker functions return what ManiSkill's own return, bit for bit."""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sac.envs.factory import make_single_env
from sac.envs.maniskill import patched_poses, patches
from sac.envs.maniskill.headless import prepare_rendering
from tests.examples import fewer

pytestmark = pytest.mark.maniskill

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
@fewer(2)
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


def _leaves(state):
    for value in state.values() if isinstance(state, dict) else [state]:
        yield from _leaves(value) if isinstance(value, dict) else [value]


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
