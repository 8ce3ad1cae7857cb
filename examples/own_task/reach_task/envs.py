"""ReachTarget-v1: the arm moves its gripper to a point above the table.

It is written as any task for ManiSkill is. Nothing in it knows who trains it.
"""

from __future__ import annotations

from typing import Any

import sapien
import torch
from mani_skill.agents.robots import Panda
from mani_skill.envs.sapien_env import BaseEnv
from mani_skill.utils.building import actors
from mani_skill.utils.registration import register_env
from mani_skill.utils.scene_builder.table import TableSceneBuilder
from mani_skill.utils.structs.pose import Pose


@register_env("ReachTarget-v1", max_episode_steps=20)
class ReachTargetEnv(BaseEnv):
    """Reach a point that is drawn anew in each episode."""

    SUPPORTED_ROBOTS = ("panda",)
    agent: Panda
    near = 0.03
    """Metres between gripper and target that count as success."""

    def __init__(self, *args: Any, robot_uids: str = "panda", **kwargs: Any) -> None:
        super().__init__(*args, robot_uids=robot_uids, **kwargs)

    def _load_agent(self, options: dict) -> None:
        super()._load_agent(options, sapien.Pose(p=[-0.615, 0, 0]))

    def _load_scene(self, options: dict) -> None:
        self.table_scene = TableSceneBuilder(self)
        self.table_scene.build()
        self.target = actors.build_sphere(
            self.scene,
            radius=self.near,
            color=[0, 1, 0, 1],
            name="target",
            body_type="kinematic",
            add_collision=False,
            initial_pose=sapien.Pose(),
        )

    def _initialize_episode(self, env_idx: torch.Tensor, options: dict) -> None:
        with torch.device(self.device):
            self.table_scene.initialize(env_idx)
            # Drawn from the generator that the task's seed has set: the episode is a function of that seed.
            place = torch.rand((len(env_idx), 3)) * 0.3 - 0.15
            place[:, 2] += 0.25
            self.target.set_pose(Pose.create_from_pq(place))

    def _get_obs_extra(self, info: dict) -> dict[str, torch.Tensor]:
        return {"target": self.target.pose.p, "gripper": self.agent.tcp.pose.p}

    def evaluate(self) -> dict[str, torch.Tensor]:
        """Return the distance to the target, (N,), and whether it is reached, (N,)."""
        distance = torch.linalg.norm(self.target.pose.p - self.agent.tcp.pose.p, dim=1)
        return {"distance": distance, "success": distance < self.near}

    def compute_dense_reward(self, obs: Any, action: torch.Tensor, info: dict) -> torch.Tensor:
        """Return a reward that grows as the gripper comes nearer, (N,)."""
        return 1 - torch.tanh(5 * info["distance"]) + info["success"]

    def compute_normalized_dense_reward(self, obs: Any, action: torch.Tensor, info: dict) -> torch.Tensor:
        """Return the same, at most 1, (N,)."""
        return self.compute_dense_reward(obs, action, info) / 2
