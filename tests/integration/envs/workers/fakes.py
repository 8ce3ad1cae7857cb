"""Environments that misbehave in their worker process, and the workers that tests share."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from sac.envs.errors import BadEnvironment
from sac.envs.serial import Transition
from sac.envs.workers.pool import WorkerPool
from tests.unit.envs.fakes import DrawingEnv

_POOLS: dict[int, WorkerPool] = {}


def shared_pool(workers: int) -> WorkerPool:
    """Return worker processes that tests share: starting them takes seconds. They end with the test process."""
    if workers not in _POOLS or not _POOLS[workers].alive:
        _POOLS[workers] = WorkerPool(workers)
    return _POOLS[workers]


RAISE, DIE, HANG = 7.0, 8.0, 9.0


"""First action component at which a `FaultyEnv` misbehaves."""


class FaultyEnv(DrawingEnv):
    """Raises, kills its process or hangs when told to by an action; HANGS names a folder for a sign that it hangs."""

    def __init__(self) -> None:
        super().__init__(isolated=True)

    def step(self, action: np.ndarray) -> Transition:
        if action[0] == RAISE:
            raise OSError("the gripper fell off")
        if action[0] == DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        if action[0] == HANG:
            if "HANGS" in os.environ:
                Path(os.environ["HANGS"], str(os.getpid())).touch()
            time.sleep(600)
        return super().step(action)


class StubbornEnv(FaultyEnv):
    """Ignores the signal that tells its process of the parent's end."""

    def __init__(self) -> None:
        super().__init__()
        signal.signal(signal.SIGIO, signal.SIG_IGN)


class ReportingEnv(DrawingEnv):
    """Observes what its process was given: the episode's seeds, torch's threads, hidden GPUs."""

    def __init__(self) -> None:
        super().__init__(isolated=True)

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        self._seeds = seed, scene_seed
        super().reset(seed, scene_seed)
        return self._observe()

    def _observe(self) -> np.ndarray:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
        return np.array([*self._seeds, torch.get_num_threads() if hidden else -1], np.float32)


def fail_to_build() -> DrawingEnv:
    """Fail as an unexpected error in a task's code does."""
    raise ZeroDivisionError("no mass")


def refuse_to_build() -> DrawingEnv:
    """Fail as a flag that the user can mend does."""
    raise BadEnvironment("--env_id 'Nothing-v1' is not known")
