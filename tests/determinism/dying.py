"""Training processes that die where a test wants them to: at an env step, or at a system call of a checkpoint.

`python -m tests.determinism.dying STEP train …` is the command `sac` in a process that kills itself with SIGKILL when
its environments have been stepped so often. `run` does the like in a child forked from a server that has torch loaded
already: a process of its own, in a tenth of the time.
"""

from __future__ import annotations

import errno
import functools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.determinism import spread_point

KINDS = ("die before", "die after", "disk full", "read only", "short write", "half a write")
"""What can befall a system call. A short write is no fault: the rest must follow. Half a write is one, by death."""
CALLS = ("open", "pwrite", "fsync", "replace", "unlink")
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Death:
    """When a process dies; numbers count from 1.

    Attributes:
        step: at this step of the environments, evaluations included.
        call: at this system call of `sac.run.storage`.
        kind: what befalls that call, see `KINDS`.
        count: file that receives the system calls made, a line each, where the process lives to its end.
        in_place: write files in place instead of atomically.
        forget: leaf of the state that a checkpoint's reader leaves out.
        cpu: CPU model that the fingerprint of the arithmetic shows.
        signal: number of the signal that it is sent instead of dying.
        signal_at: step at which it is sent.
        second_signal_at: step at which it is sent another one.
        spread: tasks are the point task in single environments, see `spread_point`.
        rolled: each environment of a pool is restored with its neighbour's actions.
    """

    step: int | None = None
    call: int | None = None
    kind: str = "die before"
    count: Path | None = None
    in_place: bool = False
    forget: str | None = None
    cpu: str | None = None
    signal: int = signal.SIGTERM
    signal_at: int | None = None
    second_signal_at: int | None = None
    spread: bool = False
    rolled: bool = False


def kill() -> None:
    """Die at once: nothing is flushed, no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultyCalls:
    """Stands for the module `os` in `sac.run.storage`."""

    def __init__(self, death: Death) -> None:
        self._death = death
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(found) if name in CALLS else found

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            names = [Path(argument).name for argument in arguments if isinstance(argument, str | Path)]
            self.calls.append(" ".join([function.__name__, *names]))
            if len(self.calls) == self._death.call:
                return self._befall(functools.partial(function, *arguments, **options), arguments)
            return function(*arguments, **options)

        return call

    def _befall(self, call: functools.partial[Any], arguments: tuple[Any, ...]) -> Any:
        kind, writes = self._death.kind, call.func is os.pwrite
        if kind == "disk full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if kind == "read only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if kind in ("short write", "half a write") and writes:
            descriptor, data, offset = arguments
            taken = os.pwrite(descriptor, data[: len(data) // 2 + 1], offset)
            return taken if kind == "short write" else kill()
        if kind != "short write":
            if kind == "die after":
                call()
            kill()
        return call()


def prepare(death: Death) -> FaultyCalls:
    """Arrange for this process to die."""
    from sac.checkpoint import checkpoint
    from sac.envs import factory
    from sac.envs.point import PointVectorEnv
    from sac.envs.serial import SerialVectorEnv
    from sac.envs.workers.vector_env import PooledVectorEnv
    from sac.run import storage

    calls = FaultyCalls(death)
    storage.os = calls
    put = checkpoint.put
    if death.spread:
        factory.make_single_env = spread_point.make
    if death.rolled:
        restore = PooledVectorEnv.restore
        PooledVectorEnv.restore = lambda self, episodes, rows: restore(self, episodes, [*rows[1:], rows[0]])
    if death.in_place:
        storage.write_atomically = lambda path, data, held=None, mode=0o644: storage._write(
            path, os.O_WRONLY | os.O_CREAT, data, 0, held
        )
    if death.forget is not None:
        checkpoint.put = lambda state, name, leaf: None if name == death.forget else put(state, name, leaf)
    if death.cpu is not None:
        from sac import trainer

        fingerprint = trainer.fingerprint
        trainer.fingerprint = lambda *arguments: {**fingerprint(*arguments), "cpu": death.cpu}
    steps = 0
    for owner, name in ((PointVectorEnv, "step"), (SerialVectorEnv, "step"), (PooledVectorEnv, "begin_step")):
        found = getattr(owner, name)

        def step(self: Any, action: Any, original: Callable[..., Any] = found) -> Any:
            nonlocal steps
            steps += 1
            if steps in (death.signal_at, death.second_signal_at):
                os.kill(os.getpid(), death.signal)
            if steps == death.step:
                kill()
            return original(self, action)

        setattr(owner, name, step)
    return calls


def _child(arguments: list[str], death: Death, output: str) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    from sac.cli import main

    calls = prepare(death)
    code = 1
    try:
        code = main(["train", *arguments])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    if death.count is not None:
        death.count.write_text("\n".join(calls.calls) + "\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(arguments: list[str], death: Death | None = None, output: Path = Path(os.devnull)) -> int:
    """Run `sac train` in a forked process; returns its exit status, negative for a signal."""
    process = start(arguments, death, output)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def start(arguments: list[str], death: Death | None = None, output: Path = Path(os.devnull)) -> BaseProcess:
    """Begin what `run` does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sac.trainer", "sac.cli", "tyro", "tests.determinism.dying"])
    process = context.Process(target=_child, args=(arguments, death or Death(), str(output)))
    process.start()
    return process


if __name__ == "__main__":
    from sac.cli import main
    from sac.numerics import profiles

    profiles.prepare("deterministic")
    prepare(Death(step=int(sys.argv.pop(1))))
    sys.exit(main())
