"""Makes ManiSkill's own Python code cheaper on the CPU simulator, without changing a bit.

Three quarters of a step's time go into small tensors: a StackCube step with pd_ee_delta_pos makes hundreds of torch
calls on a handful of numbers. Each function of `patched_poses` and `patched_control` returns what the function that it
replaces returns, bit for bit. It copies the same numbers, does the same IEEE additions and multiplications in the same
order, or leaves out what can't matter. If its conditions don't hold (a GPU, several environments in one simulator), it
calls the original.

The patches are written for one version of ManiSkill, and installed only for that one.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from typing import Any

from sac.envs.maniskill import patched_control as control
from sac.envs.maniskill import patched_poses as poses

logger = logging.getLogger("sac.envs")

VERSION = "3.0.1"
_originals: dict[tuple[Any, str], Any] = {}


def install() -> bool:
    """Install the quicker functions; return whether this ManiSkill is the version that they are written for."""
    if _originals:
        return True
    found = importlib.metadata.version("mani_skill")
    if found != VERSION:
        logger.info("mani_skill %s runs as it is: the quicker functions are for %s", found, VERSION)
        return False
    _install_poses()
    _install_control()
    return True


def uninstall() -> None:
    """Put ManiSkill's own functions back."""
    while _originals:
        (owner, name), original = _originals.popitem()
        setattr(owner, name, original)


def _install_poses() -> None:
    pose = _find("utils.structs.pose").Pose
    _replace(pose, "create", classmethod(poses.patched_create(pose.create.__func__)))
    _replace(pose, "create_from_pq", classmethod(poses.patched_from_position(pose.create_from_pq.__func__)))
    _replace(pose, "sp", property(poses.patched_to_sapien(pose.sp.fget)))
    _replace(pose, "__mul__", poses.patched_multiply(pose.__mul__))
    _replace(pose, "inv", poses.patched_inverse(pose.inv))


def _install_control() -> None:
    common, gym_utils = _find("utils.common"), _find("utils.gym_utils")
    _replace(common, "to_tensor", control.patched_to_tensor(common.to_tensor))
    scaled = control.patched_clip_and_scale_action(gym_utils.clip_and_scale_action)
    _replace(gym_utils, "clip_and_scale_action", scaled)
    agent = _find("agents.base_agent").BaseAgent
    _replace(agent, "set_action", control.patched_agent_set_action(agent.set_action))
    mimic = _find("agents.controllers.pd_joint_pos").PDJointPosMimicController
    _replace(mimic, "set_action", control.patched_mimic_set_action(mimic.set_action))
    end_effector = _find("agents.controllers.pd_ee_pose").PDEEPosController
    _replace(end_effector, "ee_pose_at_base", property(control.remembered(end_effector.ee_pose_at_base.fget)))
    _replace(end_effector, "set_action", control.remembering(end_effector.set_action))
    articulation = _find("utils.structs.articulation").Articulation
    drive_targets = control.patched_drive_targets(articulation.set_joint_drive_targets)
    _replace(articulation, "set_joint_drive_targets", drive_targets)
    body = _find("utils.structs.base").PhysxRigidDynamicComponentStruct
    for name in ("linear_velocity", "angular_velocity"):
        own = body.__dict__[name]
        _replace(body, name, property(control.patched_velocity(own.fget, name), own.fset))
    panda = _find("agents.robots.panda.panda").Panda
    _replace(panda, "is_grasping", control.patched_is_grasping(panda.is_grasping))


def _find(module: str) -> Any:
    return importlib.import_module(f"mani_skill.{module}")


def _replace(owner: Any, name: str, quick: Any) -> None:
    _originals[owner, name] = owner.__dict__[name]
    setattr(owner, name, quick)
