"""The vector-environment protocol that the collector and the evaluation speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from sac.errors import UserError

EpisodeSeed = Callable[[int, int], int]
"""(environment index, episode index) -> seed in [0, 2**31); a pure function, see `streams.EpisodeSeeds`."""

NO_RESET = -1
"""Entry of `StepBatch.reset_seed` for an environment that continues its episode."""


class EnvironmentFault(UserError, RuntimeError):
    """An environment died, or returned a value that training can't use; the message names env, step and field."""


@dataclass(frozen=True)
class EnvSpec:
    """What networks and replay need to know about one environment.

    Attributes:
        env_id: registered name, for example ``StackCube-v1``.
        observation_dim: length O of the flat float32 observation.
        action_low: (A,) float32, lower bound of each action component.
        action_high: (A,) float32, upper bound of each action component.
        max_episode_steps: steps after which an episode is truncated.
    """

    env_id: str
    observation_dim: int
    action_low: np.ndarray
    action_high: np.ndarray
    max_episode_steps: int

    @property
    def action_dim(self) -> int:
        """Length A of the flat float32 action."""
        return int(self.action_low.shape[0])


@dataclass(frozen=True)
class StepBatch:
    """One step of N environments; row i belongs to environment i.

    The tensors are the caller's to keep: an environment never writes to them again.

    Attributes:
        observation: (N, O) float32, what the policy sees next: the new episode's first one after an auto-reset.
        next_observation: (N, O) float32, the true successor of the step, before any auto-reset.
        reward: (N,) float32.
        terminated: (N,) bool; always False where terminations are ignored.
        truncated: (N,) bool, the episode reached `max_episode_steps`.
        success: (N,) bool, the task's own success flag after this step.
        fail: (N,) bool, the task's own failure flag after this step.
        reset_seed: (N,) int64, the seed of the episode that an auto-reset began, else `NO_RESET`.
    """

    observation: torch.Tensor
    next_observation: torch.Tensor
    reward: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    success: torch.Tensor
    fail: torch.Tensor
    reset_seed: torch.Tensor


class VectorEnv(Protocol):
    """N environments that step together and reset themselves, each episode from an explicit seed.

    Episode e of environment i depends only on ``episode_seed(i, e)`` and its actions; no global generator is read or
    changed. An episode ends when it is truncated, or when it is terminated unless terminations are ignored. The
    environment then begins the next one in the same `step`.
    """

    spec: EnvSpec
    num_envs: int
    episodes: np.ndarray
    """(N,) int64, index of the episode that each environment is in."""

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Begin episode `episode` everywhere; return observations (N, O) float32 and seeds (N,) int64."""
        ...

    def step(self, action: torch.Tensor) -> StepBatch:
        """Apply actions (N, A) float32."""
        ...

    def restore(self, episodes: np.ndarray, actions: Sequence[torch.Tensor]) -> torch.Tensor:
        """Bring every environment to the middle of an episode, whatever it did before.

        Environment i begins its episode ``episodes[i]`` and takes the actions ``actions[i]``, none of which ends it.
        Its state depends on nothing else, so the following steps have the same bits as the first time.

        Raises:
            EnvironmentFault: an environment can't be brought there.

        Args:
            episodes: (N,) int64.
            actions: for each environment (K_i, A) float32, oldest first; K_i may be 0 and differs between them.

        Returns:
            Observations (N, O) float32, what the policy sees next.
        """
        ...

    def close(self) -> None:
        """Release what the environments hold; further calls are errors."""
        ...


@runtime_checkable
class SplitStep(Protocol):
    """What environments in other processes offer besides `step`: the caller can work while they step."""

    def begin_step(self, action: torch.Tensor) -> None:
        """Start a step with actions (N, A) float32; `end_step` must be the next call."""
        ...

    def end_step(self) -> StepBatch:
        """Wait for the step that `begin_step` started."""
        ...
