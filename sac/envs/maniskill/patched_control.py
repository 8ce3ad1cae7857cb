"""Quicker controllers and sensors for `patches`: the same numbers, without a tensor for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_CPU = torch.device("cpu")
_SINGLE = np.dtype(np.float32)


def patched_to_tensor(original: Callable[..., Any]) -> Callable[..., Any]:
    """`common.to_tensor` of a float32 array, or a list of one, for the CPU: NumPy copies it quicker than torch."""

    def to_tensor(array: Any, device: Any = None) -> Any:
        if device == _CPU:
            if type(array) is np.ndarray and array.dtype == _SINGLE and array.flags.c_contiguous:
                return torch.from_numpy(array.copy())
            if type(array) is list and len(array) == 1 and type(array[0]) is np.ndarray and array[0].dtype == _SINGLE:
                return torch.from_numpy(np.array(array))
        return original(array, device)

    return to_tensor


def patched_clip_and_scale_action(original: Callable[..., Any]) -> Callable[..., Any]:
    """`clip_and_scale_action`: its seven operations on arrays."""

    def clip_and_scale_action(action: Any, low: Any, high: Any) -> Any:
        arrays = arrays_of(action, low, high)
        if arrays is None:
            return original(action, low, high)
        given, least, most = arrays
        clipped = np.minimum(np.maximum(given, np.float32(-1)), np.float32(1))
        half = np.float32(0.5)
        # Bounds may be infinite, and torch says nothing of that.
        with np.errstate(all="ignore"):
            return torch.from_numpy(half * (most + least) + half * (most - least) * clipped)

    return clip_and_scale_action


def patched_agent_set_action(original: Callable[..., Any]) -> Callable[..., Any]:
    """`BaseAgent.set_action`, which looks for NaN: without a way through torch and back."""

    def set_action(self: Any, action: Any) -> None:
        given = array_of(action)
        if self.scene.gpu_sim_enabled or given is None or np.isnan(given).any():
            original(self, action)
            return
        self.controller.set_action(action)

    return set_action


def patched_mimic_set_action(original: Callable[..., Any]) -> Callable[..., Any]:
    """`PDJointPosMimicController.set_action` to absolute targets, as a gripper has them."""

    def set_action(self: Any, action: Any) -> None:
        arrays = arrays_of(action, self._target_qpos, self._multiplier, self._offset)
        if arrays is None or self.config.use_delta or self.config.interpolate:
            original(self, action)
            return
        action = self._preprocess_action(action)
        _, target, multiplier, offset = arrays
        self._step = 0
        self._start_qpos = self.qpos
        target[:, self.control_joint_indices.numpy()] = action.numpy()
        leaders = target[:, self.mimic_control_joint_indices.numpy()]
        target[:, self.mimic_joint_indices.numpy()] = leaders * multiplier[None, :] + offset[None, :]
        self.set_drive_targets(self._target_qpos)

    return set_action


def patched_velocity(original: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """`linear_velocity` or `angular_velocity` of one body."""

    def velocity(self: Any) -> Any:
        if self.scene.gpu_sim_enabled or self.device != _CPU or len(self._bodies) != 1:
            return original(self)
        return torch.from_numpy(np.array([getattr(self._bodies[0], name)]))

    return velocity


def remembered(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
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


def remembering(original: Callable[..., Any]) -> Callable[..., Any]:
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


def patched_is_grasping(original: Callable[..., Any]) -> Callable[..., Any]:
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


def patched_drive_targets(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Articulation.set_joint_drive_targets`: the same numbers to the same joints, without a tensor for each."""

    def set_joint_drive_targets(self: Any, targets: Any, joints: Any = None, joint_indices: Any = None) -> None:
        values = array_of(targets)
        if self.scene.gpu_sim_enabled or joints is None or values is None:
            original(self, targets, joints, joint_indices)
            return
        row = values[0]
        for index, joint in enumerate(joints):
            assert joint.active_index is not None, "Cannot set drive position targets of inactive joints"
            joint._objs[0].drive_target = row[index : index + 1]

    return set_joint_drive_targets


def array_of(tensor: Any) -> np.ndarray | None:
    """Return a float32 tensor's memory as an array of its shape; None if it is not here, or takes a gradient."""
    if type(tensor) is not torch.Tensor:
        return None
    try:
        array: np.ndarray = tensor.numpy()
    except (RuntimeError, TypeError):
        return None
    return array if array.dtype == _SINGLE else None


def arrays_of(*tensors: Any) -> list[np.ndarray] | None:
    """Return `array_of` each tensor, of any shapes; None if it is None for any of them."""
    arrays = [array for tensor in tensors if (array := array_of(tensor)) is not None]
    return arrays if len(arrays) == len(tensors) else None
