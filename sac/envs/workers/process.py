"""What a worker process does: build, reset and step its share of the environments, one request after another.

A request is a tuple (name, arguments...); its answer is (``"done"``, value) or (``"failed"``, `Failure`). A new request
is a new method of `EnvWorker`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import TYPE_CHECKING, Any

from sac import standard_streams
from sac.lifeline import die_with_parent

if TYPE_CHECKING:
    import numpy as np

    from sac.envs.protocol import EnvSpec, EpisodeSeed
    from sac.envs.serial import SerialVectorEnv, SingleEnv
    from sac.envs.workers.shared_memory import SharedBatch


@dataclass(frozen=True)
class Group:
    """The share of one vector environment that a worker holds.

    Attributes:
        make: builds one environment; picklable.
        rows: indices of the environments.
        episode_seed: (environment index, episode index) -> seed; picklable.
        ignore_terminations: continue after success or failure, until truncation.
        reconfiguration_freq: rebuild the scene every so many episodes; 0 builds it once.
    """

    make: Callable[[], SingleEnv]
    rows: range
    episode_seed: EpisodeSeed
    ignore_terminations: bool
    reconfiguration_freq: int

    @property
    def slice(self) -> slice:
        """`rows`, as an index of shared arrays."""
        return slice(self.rows.start, self.rows.stop)


@dataclass(frozen=True)
class Failure:
    """An exception in a worker, as text.

    Attributes:
        kind: name of its class.
        message: its text.
        trace: its whole traceback.
    """

    kind: str
    message: str
    trace: str


class EnvWorker:
    """Answers the parent's requests; each public method is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._groups: dict[int, Group] = {}
        self._envs: dict[int, SerialVectorEnv] = {}
        self._shared: dict[int, SharedBatch] = {}

    def configure(self, debug_mode: int, exact: bool, silent: bool = False) -> None:
        """Compute as the parent does, but on one thread: the parallelism is across environments.

        A `silent` worker leaves it to another to show what libraries warn of.
        """
        import torch

        from sac.envs.quiet import show_once
        from sac.native import exact_reciprocals
        from sac.numerics import exact_functions

        show_once(silent=silent)
        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode(debug_mode)
        exact_functions.install(exact)
        exact_reciprocals.install(exact)

    def is_exact(self) -> bool | None:
        """Whether the simulator in this process computes with exact reciprocals; None if it is not loaded."""
        from sac.native import exact_reciprocals

        return exact_reciprocals.is_installed()

    def build(self, key: int, group: Group) -> EnvSpec:
        """Build the environments of a group."""
        from sac.envs.serial import SerialVectorEnv

        self._groups[key] = group
        self._envs[key] = SerialVectorEnv(
            [group.make() for _ in group.rows],
            group.episode_seed,
            ignore_terminations=group.ignore_terminations,
            reconfiguration_freq=group.reconfiguration_freq,
            first_index=group.rows.start,
        )
        return self._envs[key].spec

    def share(self, key: int, num_envs: int) -> None:
        """Map the memory of a group; its descriptor follows the request."""
        from sac.envs.workers.shared_memory import SharedBatch

        descriptor = recv_handle(self._connection)
        self._shared[key] = SharedBatch(descriptor, self._envs[key].spec, num_envs)
        os.close(descriptor)

    def reset(self, key: int, episode: int) -> None:
        """Begin episode `episode` in every environment of a group."""
        shared, rows = self._shared[key], self._groups[key].slice
        shared.write_reset(rows, *self._envs[key].reset(episode))
        shared.episodes[rows] = self._envs[key].episodes

    def restore(self, key: int, episodes: np.ndarray, actions: list[np.ndarray]) -> None:
        """Replay `actions[i]` (K_i, A) from the start of episode `episodes[i]`, for each of a group's environments."""
        import torch

        shared, rows = self._shared[key], self._groups[key].slice
        observation = self._envs[key].restore(episodes, [torch.from_numpy(action) for action in actions])
        shared.write_reset(rows, observation, torch.zeros(len(episodes), dtype=torch.int64))
        shared.episodes[rows] = self._envs[key].episodes

    def step(self, key: int) -> None:
        """Step every environment of a group with its row of the shared actions."""
        import torch

        shared, rows = self._shared[key], self._groups[key].slice
        shared.write(rows, self._envs[key].step(torch.from_numpy(shared.action[rows])))
        shared.episodes[rows] = self._envs[key].episodes

    def drop(self, key: int) -> None:
        """Release the environments of a group."""
        envs = self._envs.pop(key, None)
        self._groups.pop(key, None)
        self._shared.pop(key, None)
        if envs is not None:
            envs.close()

    def answer(self, request: tuple[Any, ...]) -> tuple[str, Any]:
        """Do what is asked and return the answer."""
        name, *arguments = request
        try:
            return "done", getattr(self, name)(*arguments)
        except Exception as error:  # the parent reports whatever a task raises
            return "failed", Failure(type(error).__name__, str(error), traceback.format_exc())

    def serve(self) -> None:
        """Answer until the parent hangs up."""
        try:
            while True:
                self._connection.send(self.answer(self._connection.recv()))
        except (EOFError, ConnectionError):
            for key in list(self._envs):
                self.drop(key)


def main(socket: int, lifeline: int) -> None:
    """Run a worker on inherited descriptors."""
    for descriptor in (socket, lifeline):
        os.set_inheritable(descriptor, False)
    die_with_parent(lifeline)
    # What a task prints must not fail with the terminal that shows it.
    standard_streams.protect()
    EnvWorker(Connection(socket)).serve()
    # Skip the interpreter's teardown: nothing in it is worth the wait.
    os._exit(0)
