"""N environments spread over worker processes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

import numpy as np
import torch

from sac.envs.errors import BadEnvironment
from sac.envs.maniskill.headless import MissingSystemLibrary
from sac.envs.protocol import EnvironmentFault, EpisodeSeed, StepBatch
from sac.envs.serial import SingleEnv
from sac.envs.workers.pool import Request, WorkerFailed, WorkerPool
from sac.envs.workers.process import Group
from sac.envs.workers.shared_memory import SharedBatch, anonymous_file
from sac.native import exact_reciprocals
from sac.native.errors import NotReplaceable

_WHOLE_MESSAGES = {
    kind.__name__: kind for kind in (BadEnvironment, EnvironmentFault, MissingSystemLibrary, NotReplaceable)
}
"""Exceptions whose text is complete, with the environment's index: they are raised here as they were there."""


class PooledVectorEnv:
    """N single environments in worker processes; implements `protocol.VectorEnv` with the bits of `SerialVectorEnv`.

    Each worker holds a `SerialVectorEnv` of neighbouring environments, so the same code does every step in the same
    order. Only the process that does it depends on the number of workers.

    Args:
        pool: the workers.
        make: builds one environment; picklable.
        num_envs: N.
        episode_seed: (environment index, episode index) -> seed; picklable.
        ignore_terminations: continue after success or failure, until truncation.
        reconfiguration_freq: rebuild the scene every so many episodes; 0 builds it once, from episode 0's seed.
        owns_pool: `close` also ends the workers.

    Raises:
        EnvironmentFault: an environment can't be built, or computes with other reciprocals than the profile asks for.
    """

    def __init__(
        self,
        pool: WorkerPool,
        make: Callable[[], SingleEnv],
        num_envs: int,
        episode_seed: EpisodeSeed,
        *,
        ignore_terminations: bool = False,
        reconfiguration_freq: int = 0,
        owns_pool: bool = False,
    ) -> None:
        if num_envs < 1:
            raise ValueError("a vector environment needs at least one environment")
        self._pool, self._owns_pool = pool, owns_pool
        self._key = pool.new_group()
        self._groups = [
            Group(make, rows, episode_seed, ignore_terminations, reconfiguration_freq)
            for rows in split(num_envs, len(pool))
        ]
        self.num_envs = num_envs
        self.episodes = np.zeros(num_envs, np.int64)
        try:
            self._call("being built", lambda group: ("build", self._key, group))
            self._require_exact()
            self._share()
        except BaseException:
            if owns_pool:
                pool.close()
            raise

    def _require_exact(self) -> None:
        """Refuse workers whose simulators compute with other reciprocals than the profile asks for.

        Raises:
            EnvironmentFault: a worker's does; the message names the worker.
        """
        wanted = exact_reciprocals.is_wanted()
        for index, exact in self._pool.call(dict.fromkeys(range(len(self._groups)), ("is_exact",))).items():
            if exact is (not wanted):
                kinds = ("the CPU's own approximate reciprocals", "exact reciprocals")
                raise EnvironmentFault(
                    f"the simulator in worker {index} computes with {kinds[exact]}, but the numerics profile asks for "
                    f"{kinds[wanted]}: its bits would be others"
                )

    def _share(self) -> None:
        """Map memory here and in the workers; it lives as long as one of them does."""
        descriptor = anonymous_file()
        try:
            self._shared = SharedBatch(descriptor, self.spec, self.num_envs)
            self._call("being built", lambda group: ("share", self._key, self.num_envs), descriptor)
        finally:
            os.close(descriptor)

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Begin episode `episode` everywhere; return observations (N, O) float32 and seeds (N,) int64."""
        self._call("being reset", lambda group: ("reset", self._key, episode))
        self.episodes[:] = self._shared.episodes
        return self._shared.read_reset()

    def step(self, action: torch.Tensor) -> StepBatch:
        """Apply actions (N, A) float32."""
        self.begin_step(action)
        return self.end_step()

    def begin_step(self, action: torch.Tensor) -> None:
        """Start a step with actions (N, A) float32; `end_step` must be the next call.

        Raises:
            ValueError: the actions have another shape.
            EnvironmentFault: a worker has ended.
        """
        expected = (self.num_envs, self.spec.action_dim)
        if tuple(action.shape) != expected:
            raise ValueError(f"{self.spec.env_id}: actions have shape {tuple(action.shape)}, expected {expected}")
        self._shared.action[:] = action.detach().cpu().numpy()
        with self._blaming("being stepped"):
            self._pool.send(dict.fromkeys(range(len(self._groups)), ("step", self._key)))

    def end_step(self) -> StepBatch:
        """Wait for the step that `begin_step` started.

        Raises:
            EnvironmentFault: an environment failed, or its worker ended.
        """
        with self._blaming("being stepped"):
            self._pool.receive()
        self.episodes[:] = self._shared.episodes
        return self._shared.read()

    def restore(self, episodes: np.ndarray, actions: Sequence[torch.Tensor]) -> torch.Tensor:
        """Replay `actions[i]` (K_i, A) from the start of episode `episodes[i]`; return observations (N, O)."""
        rows = [action.detach().cpu().numpy() for action in actions]
        self._call(
            "being restored",
            lambda group: ("restore", self._key, episodes[group.slice], rows[group.slice]),
        )
        self.episodes[:] = self._shared.episodes
        return self._shared.read_reset()[0]

    def close(self) -> None:
        """Release every environment, and the workers if this vector owns them."""
        if self._owns_pool:
            self._pool.close()
        elif self._pool.alive:
            # Nothing is lost with a worker that can't release its environments: it is ended.
            with suppress(WorkerFailed):
                self._pool.call(dict.fromkeys(range(len(self._groups)), ("drop", self._key)), hurried=True)

    def _call(self, doing: str, request: Callable[[Group], Request], descriptor: int | None = None) -> None:
        """Ask every worker that holds a group; keep the specification when environments are built."""
        requests = {index: request(group) for index, group in enumerate(self._groups)}
        with self._blaming(doing):
            answers = self._pool.call(requests, descriptor)
        if requests[0][0] == "build":
            self.spec = answers[0]

    @contextmanager
    def _blaming(self, doing: str) -> Iterator[None]:
        """Turn a worker's failure into a failure of its environments."""
        try:
            yield
        except WorkerFailed as failed:
            self._raise(failed, doing)

    def _raise(self, failed: WorkerFailed, doing: str) -> NoReturn:
        """Raise what a worker raised, or say which environments were lost with it."""
        whole = _WHOLE_MESSAGES.get(failed.failure.kind) if failed.failure else None
        if failed.failure is not None and whole is not None:
            raise whole(failed.failure.message) from _WorkerTrace(failed.failure.trace)
        rows = self._groups[failed.index].rows
        names = f"environment {rows[0]}" if len(rows) == 1 else f"environments {rows[0]} to {rows[-1]}"
        trace = _WorkerTrace(failed.failure.trace) if failed.failure else None
        raise EnvironmentFault(f"{names} failed while {doing}: {failed.cause}") from trace


class _WorkerTrace(Exception):
    """Shows a worker's traceback above the parent's."""

    def __str__(self) -> str:
        return f"\n\nin a worker process:\n{self.args[0]}"


def split(num_envs: int, workers: int) -> list[range]:
    """Return which environments each worker holds: neighbours, as evenly as possible, none empty."""
    workers = min(workers, num_envs)
    bounds = [index * num_envs // workers for index in range(workers + 1)]
    return [range(start, stop) for start, stop in itertools.pairwise(bounds)]
