"""Stable-Baselines3's SAC as a contender of `whole_iteration`: its own loop, on the environments of the port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3 import SAC
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv

HIDDEN = [256, 256, 256]


class Vectorized(VecEnv):
    """gymnasium's AsyncVectorEnv in the form that Stable-Baselines3 takes: N environments, each with its own reset."""

    def __init__(self, envs: AsyncVectorEnv) -> None:
        self.envs = envs
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> np.ndarray:
        """Return the first observations, (N, O)."""
        observations: np.ndarray = self.envs.reset(seed=1)[0]
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Begin a step of all environments by actions, (N, A)."""
        self.envs.step_async(actions)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Return what the step has led to; at an episode's end the next one's first observation stands for the last."""
        observations, rewards, terminated, truncated, _ = self.envs.step_wait()
        ends = terminated | truncated
        infos = [
            {"terminal_observation": row, "TimeLimit.truncated": True} if end else {}
            for row, end in zip(observations, ends, strict=True)
        ]
        return observations, rewards.astype(np.float32), ends, infos

    def close(self) -> None:
        """End the environments' processes."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return None for each environment: nobody here renders."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse."""
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refuse."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> Sequence[bool]:
        """Say of no environment that it is."""
        return [False] * self.num_envs


def make_sb3(
    envs: AsyncVectorEnv, *, steps: int, updates: int, batch: int, rows: int, threads: int
) -> Callable[[], None]:
    """Return an iteration of Stable-Baselines3's loop, which learns from its first one on.

    Args:
        envs: N environments that reset themselves.
        steps: env steps of an iteration, of all environments together.
        updates: gradient steps of an iteration.
        batch: transitions of a gradient step.
        rows: transitions that the replay buffer holds.
        threads: of torch.
    """
    torch.set_num_threads(threads)
    model = SAC(
        "MlpPolicy",
        Vectorized(envs),
        batch_size=batch,
        buffer_size=rows,
        learning_starts=steps,
        train_freq=steps // envs.num_envs,
        gradient_steps=updates,
        policy_kwargs={"net_arch": HIDDEN},
        device="cpu",
    )
    model.set_logger(configure(None, []))
    return lambda: model.learn(steps, reset_num_timesteps=False, log_interval=None)
