"""Makes ManiSkill's own Python code cheaper on the CPU simulator, without changing a bit.

Three quarters of the time of a step go into small tensors: a StackCube step with pd_ee_delta_pos makes hundreds of
torch calls on a handful of numbers. Each function here returns what the one that it stands in for returns, bit for bit:
it copies the same numbers, does the same IEEE additions and multiplications in the same order, or leaves out what
can't matter. Where its conditions don't hold (a GPU, several environments in one simulator) it calls the original.

Written against, and installed for, one version of ManiSkill alone: others run as they are.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

logger = logging.getLogger("sac.envs")

VERSION = "3.0.1"
_CPU = torch.device("cpu")
# Row k, column c of the product of quaternions a and b is a[k] times _SIGN[k, c] * b[_OTHER[k, c]]; columns are summed.
_OTHER = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
_SIGN = np.array([[1, 1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1]], np.float32)
_CONJUGATE = np.array([1, -1, -1, -1], np.float32)
_originals: dict[tuple[Any, str], Any] = {}


def install() -> bool:
    """Put the quicker functions in; returns whether this ManiSkill is the version that they are written for."""
    if _originals:
        return True
    found = importlib.metadata.version("mani_skill")
    if found != VERSION:
        logger.info("mani_skill %s runs as it is: the quicker functions are for %s", found, VERSION)
        return False
    pose = importlib.import_module("mani_skill.utils.structs.pose").Pose
    controller = importlib.import_module("mani_skill.agents.controllers.pd_ee_pose").PDEEPosController
    articulation = importlib.import_module("mani_skill.utils.structs.articulation").Articulation
    panda = importlib.import_module("mani_skill.agents.robots.panda.panda").Panda
    _replace(pose, "create", classmethod(_quick_create(pose.create.__func__)))
    _replace(pose, "__mul__", _quick_multiply(pose.__mul__))
    _replace(pose, "inv", _quick_inverse(pose.inv))
    _replace(controller, "ee_pose_at_base", property(_remembered(controller.ee_pose_at_base.fget)))
    _replace(controller, "set_action", _remembering(controller.set_action))
    _replace(articulation, "set_joint_drive_targets", _quick_drive_targets(articulation.set_joint_drive_targets))
    _replace(panda, "is_grasping", _quick_is_grasping(panda.is_grasping))
    return True


def uninstall() -> None:
    """Put ManiSkill's own functions back."""
    while _originals:
        (owner, name), original = _originals.popitem()
        setattr(owner, name, original)


def _replace(owner: Any, name: str, quick: Any) -> None:
    _originals[owner, name] = owner.__dict__[name]
    setattr(owner, name, quick)


def _quick_create(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.create` of one SAPIEN pose: its seven numbers, copied once instead of four times."""
    sapien_pose = importlib.import_module("sapien").Pose

    def create(cls: Any, pose: Any, device: Any = None) -> Any:
        if device == _CPU and type(pose) is list and len(pose) == 1 and type(pose[0]) is sapien_pose:
            return cls(raw_pose=torch.from_numpy(np.concatenate((pose[0].p, pose[0].q))[None]))
        return original(cls, pose, device)

    return create


def _quick_multiply(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.__mul__` of one pose and one other."""

    def multiply(self: Any, other: Any) -> Any:
        if type(other) is not type(self) or not (_is_plain(self.raw_pose) and _is_plain(other.raw_pose)):
            return original(self, other)
        a, b = self.raw_pose.numpy()[0], other.raw_pose.numpy()[0]
        turned = _product(a[3:], b[3:])
        product = np.empty((1, 7), np.float32)
        product[0, :3] = a[:3] + _apply(a[3:], b[:3])
        # The versor with a nonnegative real part, as ManiSkill has it.
        product[0, 3:] = -turned if turned[0] < 0 else turned
        return type(self)(raw_pose=torch.from_numpy(product))

    return multiply


def _quick_inverse(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.inv` of one pose."""

    def inverse(self: Any) -> Any:
        if not _is_plain(self.raw_pose):
            return original(self)
        pose = self.raw_pose.numpy()[0]
        inverted = np.empty((1, 7), np.float32)
        inverted[0, 3:] = pose[3:] * _CONJUGATE
        inverted[0, :3] = _apply(inverted[0, 3:], -pose[:3])
        return type(self)(raw_pose=torch.from_numpy(inverted))

    return inverse


def _remembered(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`PDEEPosController.ee_pose_at_base`, computed once in a `set_action`.

    The controller reads it twice, and on the CPU its inverse kinematics ignores the second one.
    """

    def ee_pose_at_base(self: Any) -> Any:
        memory = self.__dict__.get("_sac_memory")
        if memory is None:
            return original(self)
        if not memory:
            memory.append(original(self))
        return memory[0]

    return ee_pose_at_base


def _remembering(original: Callable[..., Any]) -> Callable[..., Any]:
    """`PDEEPosController.set_action`, within which the simulator stands still."""

    def set_action(self: Any, action: Any) -> Any:
        if self.scene.gpu_sim_enabled:
            return original(self, action)
        self._sac_memory = []
        try:
            return original(self, action)
        finally:
            self._sac_memory = None

    return set_action


def _quick_is_grasping(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Panda.is_grasping`: a finger that presses too little settles it, whatever the angles are."""

    def is_grasping(self: Any, object: Any, min_force: float = 0.5, max_angle: float = 85) -> Any:
        scene = self.scene
        if scene.gpu_sim_enabled or scene.num_envs != 1:
            return original(self, object, min_force, max_angle)
        for finger in (self.finger1_link, self.finger2_link):
            force = torch.linalg.norm(scene.get_pairwise_contact_forces(finger, object), axis=1)
            if not bool(force >= min_force):
                return torch.zeros(1, dtype=torch.bool)
        return original(self, object, min_force, max_angle)

    return is_grasping


def _quick_drive_targets(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Articulation.set_joint_drive_targets`: the same numbers to the same joints, without a tensor for each."""

    def set_joint_drive_targets(self: Any, targets: Any, joints: Any = None, joint_indices: Any = None) -> None:
        plain = isinstance(targets, torch.Tensor) and targets.dtype == torch.float32 and targets.device == _CPU
        if self.scene.gpu_sim_enabled or joints is None or not plain or targets.requires_grad:
            original(self, targets, joints, joint_indices)
            return
        values = targets[0].numpy()
        for index, joint in enumerate(joints):
            assert joint.active_index is not None, "Cannot set drive position targets of inactive joints"
            joint._objs[0].drive_target = values[index : index + 1]

    return set_joint_drive_targets


def _is_plain(raw_pose: Any) -> bool:
    """Whether a raw pose is one pose in single precision in this process's memory."""
    plain = raw_pose.shape == (1, 7) and raw_pose.dtype == torch.float32 and raw_pose.device == _CPU
    return plain and not raw_pose.requires_grad


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`quaternion_raw_multiply` of two quaternions (4,); summed in its order, since rounding depends on that."""
    terms = a[:, None] * (_SIGN * b[_OTHER])
    result: np.ndarray = terms[0] + terms[1] + terms[2] + terms[3]
    return result


def _apply(quaternion: np.ndarray, point: np.ndarray) -> np.ndarray:
    """`quaternion_apply` of one quaternion (4,) to one point (3,)."""
    pure = np.zeros(4, np.float32)
    pure[1:] = point
    return _product(_product(quaternion, pure), quaternion * _CONJUGATE)[1:]
