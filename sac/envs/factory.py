"""Builds the vector environment that a configuration names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from sac.envs.errors import BadEnvironment, unknown_value
from sac.envs.own_tasks import is_point
from sac.envs.point import PointVectorEnv
from sac.envs.protocol import EpisodeSeed, VectorEnv
from sac.envs.serial import SerialVectorEnv, SingleEnv
from sac.envs.workers.pool import WorkerPool
from sac.envs.workers.vector_env import PooledVectorEnv
from sac.numerics import exact_functions

SIM_BACKENDS = ("physx_cpu", "physx_cuda")


def make_single_env(
    env_id: str,
    *,
    control_mode: str | None = None,
    reward_mode: str | None = None,
    imports: Sequence[str] = (),
    render_backend: str = "none",
    render_mode: str | None = None,
) -> SingleEnv:
    """Return one ManiSkill environment on the CPU simulator.

    Raises:
        BadEnvironment: the task or its control mode can't be had; the message names the flag.
    """
    # Imported here: ManiSkill takes six seconds, which the point task needn't pay.
    from sac.envs.maniskill.env import ManiSkillEnv

    return ManiSkillEnv(
        env_id,
        control_mode=control_mode,
        reward_mode=reward_mode,
        imports=imports,
        render_backend=render_backend,
        render_mode=render_mode,
    )


def make_vector_env(
    env_id: str,
    num_envs: int,
    episode_seed: EpisodeSeed,
    *,
    control_mode: str | None = None,
    reward_mode: str | None = None,
    imports: Sequence[str] = (),
    ignore_terminations: bool = False,
    reconfiguration_freq: int | None = None,
    sim_backend: str = "physx_cpu",
    device: torch.device | str = "cpu",
    render_backend: str = "none",
    render_mode: str | None = None,
    workers: WorkerPool | int = 0,
) -> VectorEnv:
    """Return N environments that step together.

    Args:
        env_id: a ManiSkill task, with ``module:`` before it where that must be imported first; or the point task.
        num_envs: N.
        episode_seed: (environment index, episode index) -> seed.
        control_mode: a control mode of the task's robot; None for its default.
        reward_mode: a reward mode of the task; None for the normalised dense one where there is one.
        imports: modules and files that register tasks, see `own_tasks`.
        ignore_terminations: continue after success or failure, until truncation.
        reconfiguration_freq: rebuild the scene every so many episodes; 0 or None builds it once.
        sim_backend: ``physx_cpu`` or ``physx_cuda``.
        device: where the point task computes; ManiSkill's CPU environments return CPU tensors.
        render_backend: ``none``, or a back end of ManiSkill if frames are wanted.
        render_mode: ``rgb_array`` if frames are wanted.
        workers: worker processes for ManiSkill's CPU environments, or how many to start; 0 steps them in this process.
            A render back end does too, because frames are taken here.

    Raises:
        BadEnvironment: the task, its control mode or the simulator can't be had; the message names the flag.
    """
    frequency = reconfiguration_freq or 0
    _require_counts(num_envs, frequency)
    if is_point(env_id):
        return _make_point(env_id, num_envs, episode_seed, ignore_terminations, device)
    if sim_backend not in SIM_BACKENDS:
        raise unknown_value("--sim_backend", sim_backend, SIM_BACKENDS, show_all=True)
    task: dict[str, Any] = {"control_mode": control_mode, "reward_mode": reward_mode, "imports": tuple(imports)}
    if sim_backend == "physx_cuda":
        from sac.envs.maniskill.cuda import make_cuda_env

        return make_cuda_env(
            env_id,
            num_envs,
            episode_seed,
            ignore_terminations=ignore_terminations,
            reconfiguration_freq=frequency,
            **task,
        )
    make = functools.partial(make_single_env, env_id, render_backend=render_backend, render_mode=render_mode, **task)
    if workers and render_backend == "none":
        return _make_pooled(workers, make, num_envs, episode_seed, ignore_terminations, frequency)
    envs = [make() for _ in range(num_envs)]
    return SerialVectorEnv(envs, episode_seed, ignore_terminations=ignore_terminations, reconfiguration_freq=frequency)


def _require_counts(num_envs: int, reconfiguration_freq: int) -> None:
    if num_envs < 1:
        raise BadEnvironment(f"--num_envs {num_envs}: at least one environment is needed")
    if reconfiguration_freq < 0:
        raise BadEnvironment(f"--reconfiguration_freq {reconfiguration_freq}: must be 0 (never) or more")


def _make_pooled(
    workers: WorkerPool | int,
    make: Callable[[], SingleEnv],
    num_envs: int,
    episode_seed: EpisodeSeed,
    ignore_terminations: bool,
    reconfiguration_freq: int,
) -> PooledVectorEnv:
    """Return environments in worker processes; workers that are started here end with them."""
    pool = start_workers(workers) if isinstance(workers, int) else workers
    return PooledVectorEnv(
        pool,
        make,
        num_envs,
        episode_seed,
        ignore_terminations=ignore_terminations,
        reconfiguration_freq=reconfiguration_freq,
        owns_pool=pool is not workers,
    )


def start_workers(count: int, asked_to_stop: Callable[[], bool] = lambda: False) -> WorkerPool:
    """Return worker processes with this process's numerics; the caller closes them."""
    return WorkerPool(count, torch.get_deterministic_debug_mode(), exact_functions.is_installed(), asked_to_stop)


def _make_point(
    env_id: str,
    num_envs: int,
    episode_seed: EpisodeSeed,
    ignore_terminations: bool,
    device: torch.device | str,
) -> PointVectorEnv:
    """Return the point task; it has one version, and accepts any control mode because it has none."""
    if env_id.lower() != "point-v1":
        raise unknown_value("--env_id", env_id, ["Point-v1"], show_all=True)
    return PointVectorEnv(num_envs, episode_seed, ignore_terminations=ignore_terminations, device=device)
