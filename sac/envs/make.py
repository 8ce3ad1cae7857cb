"""The environments of a run: in which processes they step, with which back end, on which device."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch

from sac.config import BadConfig, TrainConfig
from sac.envs.factory import make_vector_env, start_workers
from sac.envs.own_tasks import is_point
from sac.envs.protocol import VectorEnv
from sac.envs.workers.pool import WorkerPool, resolve_workers
from sac.streams import Streams


def resolve_device(config: TrainConfig) -> torch.device:
    """Return the device of the networks, for `--device` and `--cuda`.

    Raises:
        BadConfig: a CUDA device is asked for, and torch finds none.
    """
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise BadConfig("--device cuda: torch finds no CUDA device here; use --device cpu, or see `sac doctor`")
    wants_cuda = config.device == "cuda" or (config.device == "auto" and config.cuda)
    return torch.device("cuda" if wants_cuda and available else "cpu")


def make_envs(
    config: TrainConfig,
    device: torch.device,
    stack: ExitStack,
    render_backend: str = "none",
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> tuple[VectorEnv, VectorEnv | None]:
    """Return training environments, and evaluation environments if there are evaluations; `stack` closes them.

    Args:
        config: the run's flags.
        device: of the networks.
        stack: closes the environments.
        render_backend: of the evaluation environments.
        asked_to_stop: whether a signal has asked the run to stop, see `WorkerPool`.

    Raises:
        BadConfig: the back end can't keep the profile's promise, or no evaluation episode would end.
        BadEnvironment: the task, its control mode or the simulator can't be had.
        EnvironmentFault: a worker could not be started.
    """
    workers = open_workers(config, stack, asked_to_stop)
    envs = make_vector_env(
        config.env_id,
        config.num_envs,
        Streams(config.seed).training_episodes,
        **_simulation(config, device),
        ignore_terminations=not config.partial_reset,
        reconfiguration_freq=config.reconfiguration_freq,
        workers=workers,
    )
    stack.callback(envs.close)
    if config.eval_freq == 0:
        return envs, None
    eval_envs = make_eval_envs(config, device, render_backend, workers)
    stack.callback(eval_envs.close)
    return envs, eval_envs


def _simulation(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    """What training and evaluation environments have in common."""
    return {
        "control_mode": config.control_mode,
        "reward_mode": config.reward_mode,
        "imports": config.imports,
        "sim_backend": resolve_backend(config),
        "device": device,
    }


def open_workers(
    config: TrainConfig, stack: ExitStack, asked_to_stop: Callable[[], bool] = lambda: False
) -> WorkerPool | int:
    """Start the processes that step environments, ended with `stack`; return 0 if this process steps them."""
    count = resolve_workers(config.workers, config.num_envs)
    if not count or is_point(config.env_id) or resolve_backend(config) != "physx_cpu":
        return 0
    pool = start_workers(count, asked_to_stop)
    stack.callback(pool.close)
    return pool


def make_eval_envs(
    config: TrainConfig, device: torch.device, render_backend: str = "none", workers: WorkerPool | int = 0
) -> VectorEnv:
    """Return evaluation environments; they can be filmed unless `render_backend` is ``none``.

    Raises:
        BadConfig: no episode would end within `--num_eval_steps`.
    """
    envs = make_vector_env(
        config.env_id,
        config.num_eval_envs,
        Streams(config.seed).evaluation_episodes,
        **_simulation(config, device),
        ignore_terminations=not config.eval_partial_reset,
        reconfiguration_freq=config.eval_reconfiguration_freq,
        render_backend=render_backend,
        render_mode="rgb_array" if render_backend != "none" else None,
        workers=workers,
    )
    needed = envs.spec.max_episode_steps
    if config.num_eval_steps < needed:
        envs.close()
        raise BadConfig(
            f"--num_eval_steps {config.num_eval_steps}: an episode of {config.env_id} has {needed} steps, so none "
            f"would end; give at least {needed}"
        )
    return envs


def costly_evaluation(config: TrainConfig) -> str:
    """Return a warning if evaluations take more env steps than training, else ""."""
    if config.eval_freq == 0:
        return ""
    steps = config.num_eval_envs * config.num_eval_steps
    every = max(config.eval_freq, config.training_freq)
    if steps <= every:
        return ""
    return (
        f"--eval_freq {config.eval_freq}: an evaluation of {steps} env steps after every {every} steps of training; "
        f"a larger value, 50_000 for example, leaves more time to train"
    )


def probe_simulator(config: TrainConfig) -> dict[str, str]:
    """Return digests that tell this machine's simulator from another's; empty if the run steps none on the CPU."""
    if is_point(config.env_id) or resolve_backend(config) != "physx_cpu":
        return {}
    from sac.envs.maniskill.physics_probe import probe_physics

    return probe_physics()


def resolve_backend(config: TrainConfig) -> str:
    """Return the physics back end; for `auto` the CPU's, because only that is known to repeat its bits.

    Raises:
        BadConfig: GPU physics is asked for under a profile that promises equal bits.
    """
    if config.sim_backend == "physx_cuda" and config.numerics != "fast":
        raise BadConfig(
            f"--sim_backend physx_cuda: GPU physics sums contact forces in no fixed order, so --numerics "
            f"{config.numerics} can't keep its promise; use --sim_backend physx_cpu, or --numerics fast"
        )
    return "physx_cpu" if config.sim_backend == "auto" else config.sim_backend
