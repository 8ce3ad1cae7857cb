"""ManiSkill's own vectorised simulation on a GPU, with an explicit seed for every episode.

It does not repeat its bits: the GPU simulator sums contact forces in no fixed order, and its results depend on the
number of environments. This module only promises that the *seeds* are right.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sac.envs.errors import BadEnvironment
from sac.envs.protocol import NO_RESET, EnvironmentFault, EnvSpec, EpisodeSeed, StepBatch

logger = logging.getLogger("sac.envs")

_CPU_ADVICE = "use --sim_backend physx_cpu, or"


def require_gpu_simulator() -> None:
    """Check for CUDA and for SAPIEN's GPU simulation library.

    Raises:
        BadEnvironment: one is missing; the message says which, and what to do.
    """
    if not torch.cuda.is_available():
        raise BadEnvironment(
            f"--sim_backend physx_cuda needs a CUDA device, and torch {torch.__version__} finds none: {_CPU_ADVICE} "
            "install a CUDA build of torch on a machine with an NVIDIA GPU"
        )
    # SAPIEN downloads the library on first use; the user should do that, not a training.
    library = find_gpu_library()
    if not library.is_file():
        raise BadEnvironment(
            f"--sim_backend physx_cuda needs PhysX's GPU library, and {library} does not exist: {_CPU_ADVICE} run "
            "python -c 'import sapien.physx as p; p.enable_gpu()' once with network access, which downloads it"
        )


def find_gpu_library() -> Path:
    """Return where SAPIEN looks for PhysX's GPU library."""
    version = importlib.import_module("sapien.physx").version()
    return Path.home() / ".sapien" / "physx" / version / "libPhysXGpu_64.so"


def make_cuda_env(
    env_id: str,
    num_envs: int,
    episode_seed: EpisodeSeed,
    *,
    control_mode: str | None,
    ignore_terminations: bool,
    reconfiguration_freq: int,
) -> ManiSkillCudaVectorEnv:
    """Return N environments on the GPU simulator.

    Raises:
        BadEnvironment: the task, its control mode or the GPU simulator can't be had.
    """
    require_gpu_simulator()
    from sac.envs.maniskill.env import build_base_env, find_task, read_spec

    registered = find_task(env_id)
    base_env = build_base_env(env_id, control_mode, num_envs=num_envs, sim_backend="physx_cuda")
    spec = read_spec(env_id, base_env, registered.max_episode_steps)
    logger.info("physx_cuda: seeds are exact, simulation is not bit-for-bit repeatable")
    return ManiSkillCudaVectorEnv(
        base_env,
        spec,
        episode_seed,
        ignore_terminations=ignore_terminations,
        reconfiguration_freq=reconfiguration_freq,
    )


class ManiSkillCudaVectorEnv:
    """N environments in one GPU simulation; implements `protocol.VectorEnv`.

    Args:
        base_env: ManiSkill's `BaseEnv`, built with ``reconfiguration_freq=0``.
        spec: its specification.
        episode_seed: (environment index, episode index) -> seed.
        ignore_terminations: continue after success or failure, until truncation.
        reconfiguration_freq: rebuild all scenes every so many full resets; 0 builds them once. Without
            ``ignore_terminations`` episodes end at different times, and ManiSkill can't rebuild single scenes.
    """

    def __init__(
        self,
        base_env: Any,
        spec: EnvSpec,
        episode_seed: EpisodeSeed,
        *,
        ignore_terminations: bool = False,
        reconfiguration_freq: int = 0,
    ) -> None:
        if reconfiguration_freq and not ignore_terminations:
            raise BadEnvironment(
                f"--reconfiguration_freq {reconfiguration_freq} with --sim_backend physx_cuda needs episodes that end "
                "together: the GPU simulator can't rebuild the scene of one environment"
            )
        self._base_env = base_env
        self._episode_seed = episode_seed
        self._ignore_terminations = ignore_terminations
        self._reconfiguration_freq = reconfiguration_freq
        self._device = torch.device(base_env.device)
        self._scene_episode: int | None = None
        self.spec = spec
        self.num_envs = int(base_env.num_envs)
        self.episodes = np.zeros(self.num_envs, np.int64)
        self._steps = np.zeros(self.num_envs, np.int64)

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Begin episode `episode` everywhere; return observations (N, O) float32 and seeds (N,) int64."""
        self.episodes[:] = episode
        self._rebuild_scenes(episode)
        everyone = np.arange(self.num_envs)
        seeds = self._seeds(everyone)
        observation = self._begin(everyone, seeds)
        return observation, torch.from_numpy(seeds).to(self._device)

    def step(self, action: torch.Tensor) -> StepBatch:
        """Apply actions (N, A) float32.

        Raises:
            ValueError: the actions have another shape.
            EnvironmentFault: an observation or a reward is not finite.
        """
        expected = (self.num_envs, self.spec.action_dim)
        if tuple(action.shape) != expected:
            raise ValueError(f"{self.spec.env_id}: actions have shape {tuple(action.shape)}, expected {expected}")
        with self._forked():
            raw, reward, ended_by_task, _, info = self._base_env.step(action.detach().to(self._device))
        self._steps += 1
        successor = raw.to(torch.float32).clone()
        out_of_time = self._steps >= self.spec.max_episode_steps
        terminated = torch.zeros_like(ended_by_task) if self._ignore_terminations else ended_by_task.clone()
        ended = out_of_time if self._ignore_terminations else out_of_time | terminated.cpu().numpy()
        observation, seeds = self._reset_ended(successor, ended)
        self._require_finite(successor, reward)
        return StepBatch(
            observation=observation,
            next_observation=successor,
            reward=reward.to(torch.float32).clone(),
            terminated=terminated,
            truncated=torch.from_numpy(out_of_time).to(self._device),
            success=self._flag(info, "success"),
            fail=self._flag(info, "fail"),
            reset_seed=torch.from_numpy(seeds).to(self._device),
        )

    def restore(self, episodes: np.ndarray, actions: Sequence[torch.Tensor]) -> torch.Tensor:
        """Refuse: replayed episodes do not reach the same bits on the GPU simulator.

        Raises:
            EnvironmentFault: always; no observations (N, O) are ever returned.
        """
        raise EnvironmentFault(
            f"{self.spec.env_id}: a run on the GPU simulator can't be resumed: its physics does not repeat its bits, "
            "so an episode in progress can't be rebuilt; use --sim_backend physx_cpu"
        )

    def close(self) -> None:
        """Release the simulator."""
        self._base_env.close()

    def _reset_ended(self, successor: torch.Tensor, ended: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """Begin the next episode wherever one ended; return observations (N, O) and seeds (N,)."""
        seeds = np.full(self.num_envs, NO_RESET, np.int64)
        observation = successor.clone()
        rows = np.flatnonzero(ended)
        if rows.size:
            self.episodes[rows] += 1
            if self._ignore_terminations:
                self._rebuild_scenes(int(self.episodes[0]))
            seeds[rows] = self._seeds(rows)
            begun = torch.from_numpy(rows).to(self._device)
            # Only these rows: the others' observations are recomputed by a reset, and need not have the same bits.
            observation[begun] = self._begin(rows, seeds[rows])[begun]
        return observation, seeds

    def _begin(self, rows: np.ndarray, seeds: np.ndarray) -> torch.Tensor:
        """Begin episodes in environments `rows`, and return the observations (N, O) of all.

        Each environment is reset in a call of its own: ManiSkill seeds torch's generator once a call, from the first
        entry of the seed list, so in a joint call an environment's draws would depend on who else is reset.
        """
        observation: torch.Tensor | None = None
        for row, seed in zip(rows, seeds, strict=True):
            index = torch.tensor([int(row)], device=self._device)
            with self._forked():
                observation, _ = self._base_env.reset(seed=self._seed_list(seed), options={"env_idx": index})
        self._steps[rows] = 0
        assert observation is not None
        return observation.to(torch.float32).clone()

    def _seed_list(self, seed: int) -> list[int]:
        """Return one seed for every environment.

        The task reads entry 0 for torch and for its shared NumPy generator, and its own entry for its own. The other
        environments' NumPy generators restart with it; ManiSkill's tasks draw from them in resets only.
        """
        return [int(seed)] * self.num_envs

    def _rebuild_scenes(self, episode: int) -> None:
        """Build all scenes from the seeds of their scene's first episode, unless they exist already."""
        frequency = self._reconfiguration_freq
        scene_episode = episode - episode % frequency if frequency else 0
        if scene_episode == self._scene_episode:
            return
        seeds = [int(self._episode_seed(i, scene_episode)) for i in range(self.num_envs)]
        self._scene_episode = None
        with self._forked():
            self._base_env.reset(seed=seeds, options={"reconfigure": True})
        self._scene_episode = scene_episode

    def _seeds(self, rows: np.ndarray) -> np.ndarray:
        """Return the seeds of the current episodes of environments `rows`."""
        return np.array([self._episode_seed(int(i), int(self.episodes[i])) for i in rows], np.int64)

    def _forked(self) -> Any:
        """Return a context that restores torch's generators, on the CPU and on this GPU."""
        devices = [self._device] if self._device.type == "cuda" else []
        return torch.random.fork_rng(devices=devices)

    def _flag(self, info: dict[str, Any], name: str) -> torch.Tensor:
        """Return a flag (N,) of the task, False if the task has none."""
        if name not in info:
            return torch.zeros(self.num_envs, dtype=torch.bool, device=self._device)
        return info[name].to(torch.bool).clone()

    def _require_finite(self, observation: torch.Tensor, reward: torch.Tensor) -> None:
        """Raise `EnvironmentFault` that names the first environment with a NaN or an infinity."""
        bad = ~(torch.isfinite(observation).all(dim=1) & torch.isfinite(reward))
        if bool(bad.any()):
            index = int(bad.nonzero()[0])
            field = "reward" if bool(torch.isfinite(observation[index]).all()) else "observation"
            raise EnvironmentFault(
                f"{self.spec.env_id}, environment {index}, episode {self.episodes[index]}, "
                f"step {self._steps[index]}: {field} is not finite"
            )
