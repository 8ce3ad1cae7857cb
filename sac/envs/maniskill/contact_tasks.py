"""Tasks whose episodes begin in contact, so that a short run of an untrained policy puts the simulator to work."""

from __future__ import annotations

from typing import Any

import torch
from mani_skill.envs.tasks.tabletop.stack_cube import StackCubeEnv
from mani_skill.utils.registration import register_env
from mani_skill.utils.structs.pose import Pose

_HALF_SIZE = 0.02
"""Of a cube, in metres."""


@register_env("StackCubeInContact-v1", max_episode_steps=50)
class StackCubeInContactEnv(StackCubeEnv):
    """StackCube-v1 with the red cube between the fingers and the green one on the table below it.

    Whatever the policy does, it squeezes, drops and pushes cubes.
    """

    def _initialize_episode(self, env_idx: torch.Tensor, options: dict[str, Any]) -> None:
        super()._initialize_episode(env_idx, options)
        joints = self.agent.robot.get_qpos()
        joints[:, -2:] = _HALF_SIZE
        self.agent.reset(joints)
        hand = self.agent.tcp.pose
        self.cubeA.set_pose(Pose.create_from_pq(p=hand.p, q=hand.q))
        below = hand.p.clone()
        below[:, 2] = _HALF_SIZE
        self.cubeB.set_pose(Pose.create_from_pq(p=below, q=self.cubeB.pose.q))
