"""Worker processes, and how many of them there are.

They start as fresh interpreters: a fork would copy locked mutexes of torch's threads, and whatever its parent has
drawn, set or loaded. A socket for requests and answers connects each to its parent, and a pipe whose closing ends the
worker (see `lifeline`). Both are anonymous, so nothing can be left behind.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

from sac.envs.protocol import EnvironmentFault
from sac.envs.workers.process import Failure
from sac.lifeline import Lifeline
from sac.numerics import machine
from sac.processes import python_command

Request = tuple[Any, ...]
PATIENCE = 5.0
"""Seconds in which a worker may end by itself."""
GLANCE = 1.0
"""Seconds between two looks at whether the run was asked to stop, while workers are waited for."""
LONGEST_STEP = 60.0
"""Seconds for which a worker that runs is still waited for, once the run was asked to stop."""
_BOOT = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); "
    "from sac.envs.workers.process import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
_OWN_ENVIRONMENT = {
    # Workers don't see the learner's GPU: a CUDA context would cost each of them hundreds of megabytes.
    "CUDA_VISIBLE_DEVICES": "",
    # Libraries keep buffers for each thread that they could use.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
}


class WorkerFailed(Exception):
    """A worker raised an error, or ended.

    Attributes:
        index: which worker.
        failure: what it raised; None if it ended without an answer.
        cause: why, in words.
    """

    def __init__(self, index: int, cause: str, failure: Failure | None = None) -> None:
        super().__init__(cause)
        self.index, self.cause, self.failure = index, cause, failure


@dataclass(frozen=True)
class _Member:
    """One worker, as its parent sees it."""

    process: subprocess.Popen[bytes]
    connection: Connection
    lifeline: Lifeline


class WorkerPool:
    """W worker processes that answer requests; `process.EnvWorker` lists them.

    Args:
        count: W.
        debug_mode: torch's deterministic debug mode in the workers; the numerics profile sets it in the parent.
        exact: whether the workers use `exact_functions`; the profile sets this too.
        asked_to_stop: whether the run was asked to stop. A worker that is stopped (SIGSTOP) is waited for as long as
            it takes, but not then.

    Raises:
        EnvironmentFault: a worker could not be started.
    """

    def __init__(
        self,
        count: int,
        debug_mode: int = 0,
        exact: bool = False,
        asked_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._members: list[_Member] = []
        self._asked_to_stop, self._deadline = asked_to_stop, math.inf
        self._stop = weakref.finalize(self, _stop, self._members, PATIENCE)
        self._waiting: dict[Connection, int] = {}
        self._groups = 0
        for _ in range(count):
            self._members.append(_start())
        try:
            self.call({index: ("configure", debug_mode, exact, index > 0) for index in range(count)})
        except WorkerFailed as failed:
            raise EnvironmentFault(f"worker {failed.index} of {count} failed to start: {failed.cause}") from None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def alive(self) -> bool:
        """Whether requests can be sent: not after `close`, a failure, or an interrupted call."""
        return self._stop.alive and not self._waiting

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers, in order."""
        return [member.process.pid for member in self._members]

    def new_group(self) -> int:
        """Return a key for the environments of another vector."""
        self._groups += 1
        return self._groups

    def call(
        self, requests: dict[int, Request], descriptor: int | None = None, *, hurried: bool = False
    ) -> dict[int, Any]:
        """Send worker -> request; return worker -> answer once all have answered.

        Args:
            requests: worker -> what to ask it.
            descriptor: a file descriptor to send with each request.
            hurried: wait for nobody who can't answer, as if the run was asked to stop.

        Raises:
            WorkerFailed: a worker raised or ended. All are stopped, because they are no longer in step.
            RuntimeError: the pool is closed, or an earlier call was interrupted.
        """
        self.send(requests, descriptor)
        return self.receive(hurried=hurried)

    def send(self, requests: dict[int, Request], descriptor: int | None = None) -> None:
        """Do the first half of `call`; `receive` must be the next call.

        Raises:
            WorkerFailed: a worker has ended.
            RuntimeError: the pool is closed, or an earlier call was interrupted.
        """
        if not self.alive:
            raise RuntimeError("these workers are closed, or a call to them was interrupted: make new ones")
        for index, request in requests.items():
            member = self._members[index]
            self._waiting[member.connection] = index
            try:
                member.connection.send(request)
                if descriptor is not None:
                    send_handle(member.connection, descriptor, member.process.pid)
            except OSError:
                cause = _cause_of_death(member.process)
                self.kill()
                raise WorkerFailed(index, cause) from None

    def receive(self, *, hurried: bool = False) -> dict[int, Any]:
        """Do the second half of `call`: return worker -> answer, or raise as soon as one fails.

        Raises:
            WorkerFailed: a worker raised or ended.
        """
        try:
            return self._receive(hurried)
        except WorkerFailed:
            self.kill()
            raise

    def _receive(self, hurried: bool) -> dict[int, Any]:
        answers: dict[int, Any] = {}
        self._deadline = math.inf
        while self._waiting:
            # A worker's death closes its end, so this also wakes up for workers that never answer.
            ready = wait(list(self._waiting), GLANCE)
            if not ready and (hurried or self._asked_to_stop()):
                self._give_up()
            for connection in ready:
                assert isinstance(connection, Connection)
                index = self._waiting[connection]
                answers[index] = self._answer(index)
                del self._waiting[connection]
        return answers

    def _give_up(self) -> None:
        """Wait no longer for a worker that can't answer, or takes too long.

        Raises:
            WorkerFailed: there is one.
        """
        self._deadline = min(self._deadline, time.monotonic() + LONGEST_STEP)
        late = time.monotonic() >= self._deadline
        for index in self._waiting.values():
            pid = self._members[index].process.pid
            if _is_stopped(pid):
                raise WorkerFailed(index, f"its worker process (pid {pid}) is stopped (SIGSTOP) and does not answer")
            if late:
                words = f"has not answered for {LONGEST_STEP:.0f} seconds since the run was asked to stop"
                raise WorkerFailed(index, f"its worker process (pid {pid}) {words}")

    def _answer(self, index: int) -> Any:
        member = self._members[index]
        try:
            kind, value = member.connection.recv()
        except (EOFError, OSError):
            raise WorkerFailed(index, _cause_of_death(member.process)) from None
        if kind == "failed":
            raise WorkerFailed(index, f"{value.kind}: {value.message}", value)
        return value

    def close(self) -> None:
        """End the workers; they release their environments first. Closing again does nothing."""
        self._stop()

    def kill(self) -> None:
        """End the workers at once."""
        for member in self._members:
            member.process.kill()
        self._stop()


def _start() -> _Member:
    """Start one worker."""
    ours, theirs = socket.socketpair()
    lifeline = Lifeline()
    process = subprocess.Popen(
        python_command(_BOOT, [str(theirs.fileno()), str(lifeline.descriptor), "\n".join(sys.path)]),
        env={**os.environ, **_OWN_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        # What tasks print must not reach the parent's standard output, which a program may read.
        stdout=2,
        pass_fds=(theirs.fileno(), lifeline.descriptor),
        # A session of its own: Ctrl-C reaches only the parent, which then decides.
        start_new_session=True,
    )
    theirs.close()
    lifeline.started()
    return _Member(process, Connection(ours.detach()), lifeline)


def _stop(members: Sequence[_Member], patience: float) -> None:
    """Hang up, wait for the workers to end, and kill those that do not."""
    deadline = time.monotonic() + patience
    for member in members:
        member.connection.close()
    for member in members:
        try:
            member.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            member.process.kill()
            member.process.wait()
        member.lifeline.close()


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped, by SIGSTOP or a debugger."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "Tt"
    except OSError:
        return False


def _cause_of_death(process: subprocess.Popen[bytes]) -> str:
    """Say how a worker that hung up ended."""
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return f"its worker process (pid {process.pid}) hung up"
    if code >= 0:
        return f"its worker process (pid {process.pid}) ended with status {code}; its own words are above"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = "; the kernel does that where memory runs out (see dmesg)" if name == "SIGKILL" else ""
    return f"its worker process (pid {process.pid}) was killed by {name}{hint}"


def resolve_workers(workers: int | str, num_envs: int) -> int:
    """Return the number of worker processes for `--workers`; 0 means that this process steps the environments.

    Args:
        workers: a number, ``serial`` (0), or ``auto``: one for each usable core if there are several.
        num_envs: number of environments; more workers than that would idle.
    """
    if workers == "serial":
        return 0
    if workers == "auto":
        count = min(machine.usable_cores(), num_envs)
        return count if count > 1 else 0
    return min(int(workers), num_envs)
