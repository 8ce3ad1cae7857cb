"""Processes of this package that do not outlive the one that started them, and signals that end it cleanly."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_PROGRAM = """
import importlib.util, sys
sys.path[:1] = []
spec = importlib.util.spec_from_file_location("sac", {init!r})
sys.modules["sac"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["sac"])
"""


def sac_command(arguments: list[str]) -> list[str]:
    """Return the command line of this package's own `sac` with these arguments.

    `python -m sac` would look in the working directory first, and users of ManiSkill keep a `sac.py` there.
    """
    return python_command("from sac.cli import program\nsys.exit(program())", arguments)


def python_command(program: str, arguments: list[str] | None = None) -> list[str]:
    """Return the command line of a Python program in which `import sac` means this package."""
    init = str(Path(__file__).with_name("__init__.py").resolve())
    return [sys.executable, "-c", _PROGRAM.format(init=init) + program, *(arguments or [])]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program within the block as Ctrl-C does, so that it cleans up.

    A signal that is ignored stays ignored, as `nohup` asks. Outside the main thread this does nothing.
    """

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    before = {kind: signal.getsignal(kind) for kind in _ENDING if main}
    taken = {kind: handler for kind, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for kind in taken:
        signal.signal(kind, end)
    try:
        yield
    finally:
        for kind, handler in taken.items():
            signal.signal(kind, handler)


def end_with_parent() -> Callable[[], None]:
    """A `preexec_fn`: the process is killed when the thread that starts it ends, however that ends (on Linux)."""
    return functools.partial(_end_with, os.getpid())


def _end_with(parent: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # It may have ended before the system was asked.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


class Children:
    """Starts processes, from any thread, and ends those that still run at the end of its block.

    Each gets a session of its own: Ctrl-C in the terminal reaches only this program, which then decides.

    Args:
        patience: seconds in which a process may exit after a SIGTERM; 0 kills it at once.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._running: list[subprocess.Popen[str]] = []
        self._stopped = False

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `options` are those of `subprocess.Popen`.

        After `stop` nothing starts any more, and the status is that of a killed process.
        """
        with self._lock:
            if self._stopped:
                return subprocess.CompletedProcess(command, -signal.SIGKILL, "", "")
            ending = end_with_parent()
            process = subprocess.Popen(command, text=True, start_new_session=True, preexec_fn=ending, **options)
            self._running.append(process)
        try:
            output, errors = process.communicate()
        except BaseException:
            self.stop()
            raise
        with self._lock:
            self._running.remove(process)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def stop(self) -> None:
        """End the running processes, and start no more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        try:
            if self._patience:
                for process in running:
                    process.terminate()
                wait_for(running, self._patience)
        finally:
            for process in running:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def __enter__(self) -> Children:
        """Nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is still running."""
        self.stop()


def wait_for(processes: Sequence[subprocess.Popen[Any]], seconds: float) -> bool:
    """Wait until all have ended or the time is up; return whether all have ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(process.poll() is None for process in processes):
        time.sleep(0.05)
    return all(process.poll() is not None for process in processes)
