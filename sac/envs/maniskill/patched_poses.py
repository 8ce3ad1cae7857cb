"""Quicker poses for `patches`: one pose of seven numbers needs no batched tensors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sac.envs.maniskill.patched_control import array_of

_CPU = torch.device("cpu")
# Row k, column c of the product of quaternions a and b is a[k] times _SIGN[k, c] * b[_OTHER[k, c]]; columns are summed.
_OTHER = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
_SIGN = np.array([[1, 1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1]], np.float32)
_IDENTITY = np.array([1, 0, 0, 0], np.float32)
_CONJUGATE = np.array([1, -1, -1, -1], np.float32)


def patched_create(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.create` of one SAPIEN pose: its seven numbers, copied once instead of four times."""
    sapien_pose = importlib.import_module("sapien").Pose

    def create(cls: Any, pose: Any, device: Any = None) -> Any:
        if device == _CPU and type(pose) is list and len(pose) == 1 and type(pose[0]) is sapien_pose:
            return cls(raw_pose=torch.from_numpy(np.concatenate((pose[0].p, pose[0].q))[None]))
        return original(cls, pose, device)

    return create


def patched_from_position(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.create_from_pq` of one position: without an identity made of zeros, and four checks of its shape."""

    def create_from_pq(cls: Any, p: Any = None, q: Any = None, device: Any = None) -> Any:
        position = array_of(p) if q is None and (device is None or device == _CPU) else None
        if position is None or position.shape != (1, 3):
            return original(cls, p, q, device)
        raw_pose = np.empty((1, 7), np.float32)
        raw_pose[0, :3], raw_pose[0, 3:] = position[0], _IDENTITY
        return cls(raw_pose=torch.from_numpy(raw_pose))

    return create_from_pq


def patched_to_sapien(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.sp` of one pose."""
    sapien_pose = importlib.import_module("sapien").Pose

    def sp(self: Any) -> Any:
        pose = _row(self.raw_pose)
        return original(self) if pose is None else sapien_pose(pose[:3], pose[3:])

    return sp


def patched_multiply(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.__mul__` of one pose and one other."""

    def multiply(self: Any, other: Any) -> Any:
        a, b = _row(self.raw_pose), _row(other.raw_pose) if type(other) is type(self) else None
        if a is None or b is None:
            return original(self, other)
        product = np.empty((1, 7), np.float32)
        with np.errstate(all="ignore"):
            turned = _product(a[3:], b[3:])
            product[0, :3] = a[:3] + _apply(a[3:], b[:3])
        # The versor with a nonnegative real part, as ManiSkill has it.
        product[0, 3:] = -turned if turned[0] < 0 else turned
        return type(self)(raw_pose=torch.from_numpy(product))

    return multiply


def patched_inverse(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Pose.inv` of one pose."""

    def inverse(self: Any) -> Any:
        pose = _row(self.raw_pose)
        if pose is None:
            return original(self)
        inverted = np.empty((1, 7), np.float32)
        with np.errstate(all="ignore"):
            inverted[0, 3:] = pose[3:] * _CONJUGATE
            inverted[0, :3] = _apply(inverted[0, 3:], -pose[:3])
        return type(self)(raw_pose=torch.from_numpy(inverted))

    return inverse


def _row(raw_pose: Any) -> np.ndarray | None:
    """The seven numbers of a raw pose, or None where it isn't one pose in single precision in this process's memory."""
    array = array_of(raw_pose)
    return array[0] if array is not None and array.shape == (1, 7) else None


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
