"""Single environments, and N of them stepped one after another in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch

from sac.envs.protocol import NO_RESET, EnvironmentFault, EnvSpec, EpisodeSeed, StepBatch


class Transition(NamedTuple):
    """What one step of one environment returned.

    Attributes:
        observation: (O,) float32, owned by the receiver.
        reward: the task's reward.
        terminated: the task reported success or failure.
        truncated: the episode reached its last step.
        success: the task's success flag, False if it has none.
        fail: the task's failure flag, False if it has none.
    """

    observation: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    success: bool
    fail: bool


class SingleEnv(Protocol):
    """One environment whose state is a pure function of (scene seed, episode seed, actions so far)."""

    spec: EnvSpec

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        """Begin the episode of `seed` in the scene of `scene_seed`; return the observation (O,) float32."""
        ...

    def step(self, action: np.ndarray) -> Transition:
        """Apply an action (A,) float32."""
        ...

    def close(self) -> None:
        """Release the simulator."""
        ...


def scene_episode(episode: int, reconfiguration_freq: int) -> int:
    """Return the episode whose seed builds the scene in which `episode` runs.

    It depends only on the episode's index, not on the resets of this process, so a resumed run builds the scene of the
    uninterrupted one.

    Args:
        episode: index of the episode.
        reconfiguration_freq: rebuild the scene every so many episodes; 0 for never.
    """
    return episode - episode % reconfiguration_freq if reconfiguration_freq else 0


class SerialVectorEnv:
    """N single environments in one process; implements `protocol.VectorEnv`.

    Args:
        envs: the environments, all of one kind.
        episode_seed: (environment index, episode index) -> seed.
        ignore_terminations: continue after success or failure, until truncation.
        reconfiguration_freq: rebuild the scene every so many episodes; 0 builds it once, from episode 0's seed.
        first_index: index of the first environment, if these are part of a larger vector.
    """

    def __init__(
        self,
        envs: Sequence[SingleEnv],
        episode_seed: EpisodeSeed,
        *,
        ignore_terminations: bool = False,
        reconfiguration_freq: int = 0,
        first_index: int = 0,
    ) -> None:
        if not envs:
            raise ValueError("a vector environment needs at least one environment")
        self._envs = list(envs)
        self._episode_seed = episode_seed
        self._ignore_terminations = ignore_terminations
        self._reconfiguration_freq = reconfiguration_freq
        self._first_index = first_index
        self.spec = self._envs[0].spec
        self.num_envs = len(self._envs)
        self.episodes = np.zeros(self.num_envs, np.int64)
        self._steps = np.zeros(self.num_envs, np.int64)

    @property
    def members(self) -> tuple[SingleEnv, ...]:
        """The single environments, in order."""
        return tuple(self._envs)

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Begin episode `episode` everywhere; return observations (N, O) float32 and seeds (N,) int64."""
        observation = np.empty((self.num_envs, self.spec.observation_dim), np.float32)
        seeds = np.empty(self.num_envs, np.int64)
        self.episodes[:] = episode
        for index in range(self.num_envs):
            observation[index], seeds[index] = self._begin(index)
        self._require_finite("observation", observation)
        return torch.from_numpy(observation), torch.from_numpy(seeds)

    def step(self, action: torch.Tensor) -> StepBatch:
        """Apply actions (N, A) float32."""
        rows = self._checked_actions(action)
        shape = (self.num_envs, self.spec.observation_dim)
        successor, reward = np.empty(shape, np.float32), np.empty(self.num_envs, np.float32)
        flags = np.zeros((4, self.num_envs), np.bool_)
        self._steps += 1
        for index, row in enumerate(rows):
            successor[index], reward[index], *flags[:, index] = self._step_one(index, row)
        self._require_finite("observation", successor)
        self._require_finite("reward", reward[:, None])
        terminated, truncated, success, fail = flags
        if self._ignore_terminations:
            terminated[:] = False
        observation, seeds = self._reset_ended(successor, terminated | truncated)
        return StepBatch(
            observation=torch.from_numpy(observation),
            next_observation=torch.from_numpy(successor),
            reward=torch.from_numpy(reward),
            terminated=torch.from_numpy(terminated.copy()),
            truncated=torch.from_numpy(truncated.copy()),
            success=torch.from_numpy(success.copy()),
            fail=torch.from_numpy(fail.copy()),
            reset_seed=torch.from_numpy(seeds),
        )

    def restore(self, episodes: np.ndarray, actions: Sequence[torch.Tensor]) -> torch.Tensor:
        """Replay `actions[i]` (K_i, A) from the start of episode `episodes[i]`; return observations (N, O)."""
        observation = np.empty((self.num_envs, self.spec.observation_dim), np.float32)
        self.episodes[:] = episodes
        for index, rows in enumerate(actions):
            observation[index], _ = self._begin(index)
            for row in np.array(rows.cpu().numpy(), np.float32):
                self._steps[index] += 1
                observation[index] = self._step_one(index, row).observation
        return torch.from_numpy(observation)

    def close(self) -> None:
        """Release every environment."""
        for env in self._envs:
            env.close()

    def _reset_ended(self, successor: np.ndarray, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Begin the next episode wherever one ended; return observations (N, O) and seeds (N,)."""
        observation = successor.copy()
        seeds = np.full(self.num_envs, NO_RESET, np.int64)
        for index in np.flatnonzero(ended):
            self.episodes[index] += 1
            observation[index], seeds[index] = self._begin(int(index))
        if ended.any():
            self._require_finite("observation", observation)
        return observation, seeds

    def _begin(self, index: int) -> tuple[np.ndarray, int]:
        """Begin the current episode of environment `index`; return its first observation (O,) and its seed."""
        episode = int(self.episodes[index])
        name = self._first_index + index
        seed = self._episode_seed(name, episode)
        scene_seed = self._episode_seed(name, scene_episode(episode, self._reconfiguration_freq))
        self._steps[index] = 0
        try:
            return self._envs[index].reset(seed, scene_seed), seed
        except Exception as error:
            raise EnvironmentFault(f"{self._where(index)}: reset with seed {seed} failed: {error}") from error

    def _step_one(self, index: int, action: np.ndarray) -> Transition:
        """Step environment `index`; name it if that fails."""
        try:
            return self._envs[index].step(action)
        except Exception as error:
            raise EnvironmentFault(f"{self._where(index)}: step failed: {error}") from error

    def _checked_actions(self, action: torch.Tensor) -> np.ndarray:
        """Return the actions (N, A) as an array that no environment shares with the caller."""
        expected = (self.num_envs, self.spec.action_dim)
        if tuple(action.shape) != expected:
            raise ValueError(f"{self.spec.env_id}: actions have shape {tuple(action.shape)}, expected {expected}")
        rows = np.array(action.detach().cpu().numpy(), dtype=np.float32)
        self._require_finite("action", rows)
        return rows

    def _require_finite(self, field: str, rows: np.ndarray) -> None:
        """Raise `EnvironmentFault` that names the first row with a NaN or an infinity."""
        finite = np.isfinite(rows)
        if not finite.all():
            index = int(np.argmin(finite.all(axis=1)))
            bad = int((~finite[index]).sum())
            raise EnvironmentFault(f"{self._where(index)}: {bad} of {rows.shape[1]} values of {field} are not finite")

    def _where(self, index: int) -> str:
        """Name an environment, its episode and its step."""
        name = self._first_index + index
        return f"{self.spec.env_id}, environment {name}, episode {self.episodes[index]}, step {self._steps[index]}"
