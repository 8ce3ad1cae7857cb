"""Small environments with known behaviour, and helpers that the tests of `sac.envs` share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch

from sac.envs.errors import BadEnvironment
from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.protocol import EnvSpec, StepBatch, VectorEnv
from sac.envs.serial import Transition
from sac.envs.workers.pool import WorkerPool

FAKE_STEPS = 5


def episode_seed(index: int, episode: int) -> int:
    """Return a seed that differs for all (index, episode) that tests use."""
    return 1 + index * 1009 + episode * 31


class DrawingEnv:
    """A single environment that draws from all three global generators at every step, as careless tasks do."""

    def __init__(self, *, isolated: bool, terminate_at: int | None = None) -> None:
        bound = np.ones(2, np.float32)
        self.spec = EnvSpec("Drawing-v1", 3, -bound, bound, FAKE_STEPS)
        self.scenes: list[int] = []
        self.poison: str | None = None
        self._generators = IsolatedGenerators() if isolated else None
        self._terminate_at = terminate_at
        self._steps = 0

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        self.scenes.append(scene_seed)
        self._steps = 0
        if self._generators is not None:
            self._generators.seed(seed)
        return self._observe()

    def step(self, action: np.ndarray) -> Transition:
        if self.poison == "raise":
            raise RuntimeError("the simulator died")
        self._steps += 1
        observation = self._observe() + np.float32(action.sum())
        if self.poison == "observation":
            observation[1] = np.nan
        success = self._steps == self._terminate_at
        reward = float("inf") if self.poison == "reward" else 0.5
        return Transition(observation, reward, success, self._steps >= FAKE_STEPS, success, False)

    def close(self) -> None:
        self.spec = None  # type: ignore[assignment]

    def _observe(self) -> np.ndarray:
        if self._generators is None:
            return draw()
        with self._generators:
            return draw()


def draw() -> np.ndarray:
    """Draw once from each global generator."""
    return np.array([random.random(), np.random.rand(), float(torch.rand(()))], np.float32)


def global_states() -> list[bytes]:
    """Return the states of the three global generators, comparable with ``==``."""
    python, numpy = random.getstate(), np.random.get_state()
    return [
        repr(python).encode(),
        b"".join(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in numpy),
        torch.get_rng_state().numpy().tobytes(),
    ]


def pollute(seed: int) -> None:
    """Move all three global generators, and leave a Gaussian cached in NumPy's and Python's."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    random.gauss(0, 1)
    np.random.randn()


def actions(num_envs: int, action_dim: int, steps: int, seed: int = 0) -> list[torch.Tensor]:
    """Return `steps` random actions for each environment; row i doesn't depend on `num_envs`."""
    rows = [np.random.RandomState([seed, i]).uniform(-1, 1, (steps, action_dim)) for i in range(num_envs)]
    return list(torch.from_numpy(np.stack(rows, axis=1).astype(np.float32)))


def rollout(env: VectorEnv, steps: list[torch.Tensor], episode: int = 0) -> list[StepBatch]:
    """Reset and play the actions."""
    env.reset(episode)
    return [env.step(action) for action in steps]


def first_difference(a: list[StepBatch], b: list[StepBatch], row: int | None = None) -> str | None:
    """Say where two roll-outs part, bit for bit, or None; `row` compares one environment only."""
    for step, (left, right) in enumerate(zip(a, b, strict=True)):
        for field in vars(left):
            x, y = getattr(left, field).numpy(), getattr(right, field).numpy()
            if row is not None:
                x, y = x[row], y[row]
            if x.tobytes() != y.tobytes():
                return f"step {step}, {field}: {int((x != y).sum())} elements differ"
    return None


def other_episode_seed(index: int, episode: int) -> int:
    """Return a seed that differs from `episode_seed` everywhere."""
    return episode_seed(index, episode) + 1


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


class DeafEnv(FaultyEnv):
    """Ignores every signal that a process can ignore."""

    def __init__(self) -> None:
        super().__init__()
        for kind in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
            signal.signal(kind, signal.SIG_IGN)


class CutOffEnv(FaultyEnv):
    """Cuts its process off from the pipe that tells of the parent's end."""

    def __init__(self) -> None:
        super().__init__()
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_ASYNC)


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
