"""A point mass on a plane that pushes itself to a goal: a task for tests, with thousands of vector steps per second.

It uses only additions, multiplications and comparisons, each as a kernel of its own, so every CPU and GPU gives the
same bits: no square root, no sum over a dimension, no fused multiply-add.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sac.envs.protocol import NO_RESET, EnvironmentFault, EnvSpec, EpisodeSeed, StepBatch

POINT_EPISODE_STEPS = 20
GOAL_HALF_WIDTH = 0.125
_OBSERVATION_DIM = 6
_ACTION_DIM = 2
# Numbers drawn for an episode: position x, y and goal x, y.
_DRAWS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def hash_uniform(seeds: np.ndarray, draws: int) -> np.ndarray:
    """Return numbers in [-1, 1), a pure function of each seed (SplitMix64, Steele et al. 2014).

    Args:
        seeds: (K,) integers.
        draws: how many numbers for each seed.

    Returns:
        (K, draws) float32; multiples of 2**-23, so the conversion is exact.
    """
    lanes = np.arange(1, draws + 1, dtype=np.uint64)
    word = (seeds.astype(np.uint64)[:, None] * np.uint64(draws) + lanes[None, :]) * _GOLDEN
    word = (word ^ (word >> np.uint64(30))) * _MIX_A
    word = (word ^ (word >> np.uint64(27))) * _MIX_B
    word ^= word >> np.uint64(31)
    return ((word >> np.uint64(40)).astype(np.float32) - np.float32(2**23)) / np.float32(2**23)


class PointVectorEnv:
    """N point masses; implements `protocol.VectorEnv`.

    An observation is (position, velocity, goal), two numbers each. The reward is 1 at the goal and falls linearly
    with the city-block distance; success is a position within `GOAL_HALF_WIDTH` of the goal along both axes.

    Args:
        num_envs: N.
        episode_seed: (environment index, episode index) -> seed.
        ignore_terminations: continue after success, until truncation.
        device: where the state and all returned tensors are.
        env_id: the name that `spec` carries.
    """

    def __init__(
        self,
        num_envs: int,
        episode_seed: EpisodeSeed,
        *,
        ignore_terminations: bool = False,
        device: torch.device | str = "cpu",
        env_id: str = "Point-v1",
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}: at least one is needed")
        bound = np.ones(_ACTION_DIM, np.float32)
        self.spec = EnvSpec(env_id, _OBSERVATION_DIM, -bound, bound, POINT_EPISODE_STEPS)
        self.num_envs = num_envs
        self.episodes = np.zeros(num_envs, np.int64)
        self._episode_seed = episode_seed
        self._ignore_terminations = ignore_terminations
        self._device = torch.device(device)
        # On the host, so that truncation needs no transfer from the device.
        self._steps = np.zeros(num_envs, np.int64)
        self._state: torch.Tensor | None = None

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Begin episode `episode` everywhere; return observations (N, O) float32 and seeds (N,) int64."""
        self.episodes[:] = episode
        everyone = np.arange(self.num_envs)
        start, seeds = self._begin(everyone)
        self._state = torch.from_numpy(start).to(self._device)
        return self._state.clone(), torch.from_numpy(seeds).to(self._device)

    def step(self, action: torch.Tensor) -> StepBatch:
        """Apply actions (N, A) float32."""
        successor = self._advance(self._checked(action))
        offset = (successor[:, 4:] - successor[:, :2]).abs()
        # Both offsets are at most 2, so the reward is in [0, 1].
        reward = 1.0 - (offset[:, 0] + offset[:, 1]) * 0.25
        success = (offset[:, 0] <= GOAL_HALF_WIDTH) & (offset[:, 1] <= GOAL_HALF_WIDTH)
        self._steps += 1
        out_of_time = self._steps >= self.spec.max_episode_steps
        ended = out_of_time if self._ignore_terminations else out_of_time | success.cpu().numpy()
        observation, seeds = self._reset_ended(successor, ended)
        self._state = observation
        return StepBatch(
            observation=observation.clone(),
            next_observation=successor,
            reward=reward,
            terminated=torch.zeros_like(success) if self._ignore_terminations else success.clone(),
            truncated=torch.from_numpy(out_of_time).to(self._device),
            success=success,
            fail=torch.zeros_like(success),
            reset_seed=torch.from_numpy(seeds).to(self._device),
        )

    def restore(self, episodes: np.ndarray, actions: Sequence[torch.Tensor]) -> torch.Tensor:
        """Replay `actions[i]` (K_i, A) from the start of episode `episodes[i]`; return observations (N, O)."""
        self.episodes[:] = episodes
        start, _ = self._begin(np.arange(self.num_envs))
        self._state = torch.from_numpy(start).to(self._device)
        self._steps[:] = [len(rows) for rows in actions]
        padded = torch.nn.utils.rnn.pad_sequence(list(actions), batch_first=True).to(self._device)
        going = torch.from_numpy(self._steps).to(self._device)
        for step in range(padded.shape[1]):
            moved = self._advance(padded[:, step])
            self._state = torch.where((step < going)[:, None], moved, self._state)
        return self._state.clone()

    def close(self) -> None:
        """Do nothing: only tensors are held."""
        self._state = None

    def _advance(self, action: torch.Tensor) -> torch.Tensor:
        """Return the state after one step: friction, thrust, motion, walls at -1 and 1."""
        assert self._state is not None
        position, velocity, goal = self._state[:, :2], self._state[:, 2:4], self._state[:, 4:]
        velocity = velocity * 0.5 + action.clamp(-1.0, 1.0) * 0.25
        position = (position + velocity * 0.5).clamp(-1.0, 1.0)
        return torch.cat((position, velocity, goal), dim=1)

    def _reset_ended(self, successor: torch.Tensor, ended: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """Begin the next episode wherever one ended; return observations (N, O) and seeds (N,)."""
        seeds = np.full(self.num_envs, NO_RESET, np.int64)
        observation = successor.clone()
        rows = np.flatnonzero(ended)
        if rows.size:
            self.episodes[rows] += 1
            start, seeds[rows] = self._begin(rows)
            observation[torch.from_numpy(rows).to(self._device)] = torch.from_numpy(start).to(self._device)
        return observation, seeds

    def _begin(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return first observations (K, O) and seeds (K,) of the current episodes of environments `rows` (K,)."""
        seeds = np.array([self._episode_seed(int(i), int(self.episodes[i])) for i in rows], np.int64)
        drawn = hash_uniform(seeds, _DRAWS)
        self._steps[rows] = 0
        at_rest = np.zeros((len(rows), 2), np.float32)
        return np.concatenate((drawn[:, :2], at_rest, drawn[:, 2:]), axis=1), seeds

    def _checked(self, action: torch.Tensor) -> torch.Tensor:
        """Return the actions on the device; raise on a wrong shape, a NaN or an infinity."""
        expected = (self.num_envs, _ACTION_DIM)
        if self._state is None:
            raise RuntimeError(f"{self.spec.env_id}: call reset() before step()")
        if tuple(action.shape) != expected:
            raise ValueError(f"{self.spec.env_id}: actions have shape {tuple(action.shape)}, expected {expected}")
        finite = torch.isfinite(action)
        if not bool(finite.all()):
            index = int((~finite).any(dim=1).nonzero()[0])
            raise EnvironmentFault(
                f"{self.spec.env_id}, environment {index}, episode {self.episodes[index]}, "
                f"step {self._steps[index] + 1}: the action is not finite"
            )
        return action.detach().to(self._device, torch.float32)
