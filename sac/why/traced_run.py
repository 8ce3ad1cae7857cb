"""One run of a command below its guard: how it went, what it printed, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sac.why import guard
from sac.why.tracer.trace_file import LOST

UNWRITTEN = "the trace could not be written"
LIMIT, LATE = "limit", "went on long after the other one had ended, and was stopped"
"""Why a run was stopped: a limit that was asked for, or no end in sight."""

_BEYOND = {
    guard.PRINTED: f"printed more than {guard.OUTPUT >> 20} MiB, and was stopped",
    guard.TRACED: f"wrote traces of more than {guard.TRACES >> 30} GiB, and was stopped; --until ends runs earlier",
}
"""What the guard reports in place of a status -> what to say of the run."""


@dataclass
class TracedRun:
    """One run of the command."""

    guard: subprocess.Popen[bytes]
    life: int
    report: int
    number: int
    trace: Path
    output: Path
    errors: Path
    stopped: bool = False
    cut: str = ""
    """Why it was stopped though the answer wasn't certain; empty if it wasn't."""
    status: int | None = None
    """How the command itself has ended, as `subprocess.Popen.returncode` says it; None while it runs."""

    def poll(self) -> int | None:
        """Ask the guard whether the command has ended; returns its status, or None."""
        if self.status is None:
            with contextlib.suppress(BlockingIOError):
                word = os.read(self.report, 100).decode().strip()
                # A guard that says nothing more is dead itself.
                self.status = int(word) if word not in ("", *_BEYOND) else -signal.SIGKILL
                self.cut = _BEYOND.get(word, self.cut)
        return self.status

    @property
    def trouble(self) -> str:
        """How the run failed by itself, and its last words; empty if it didn't."""
        if self.cut:
            return "" if self.cut == LIMIT else self.cut
        status = self.status
        if not status or self.stopped:
            return ""
        how = f"ended with status {status}" if status > 0 else f"was killed by {signal.Signals(-status).name}"
        return f"{how}: {(self.words.strip().splitlines() or ['it printed nothing'])[-1]}"

    @property
    def lost(self) -> str:
        """That the trace isn't whole, and why; empty if it could be written."""
        try:
            why = Path(f"{self.trace}{LOST}").read_text(errors="replace").partition("\n")[0].strip()
        except OSError:
            return ""
        return f"{UNWRITTEN}: {why}" if why else ""

    @property
    def words(self) -> str:
        """The end of what the run printed, and of its errors."""
        return (_end_of(self.output) + _end_of(self.errors))[-2000:]

    def release(self) -> None:
        """Let the guard end what still runs of it."""
        if self.poll() is None:
            self.stopped = True
        if self.life >= 0:
            os.close(self.life)
            self.life = -1

    def bury(self) -> None:
        """Wait until nothing is left of it."""
        try:
            self.guard.wait(guard.PATIENCE)
        except subprocess.TimeoutExpired:
            self.guard.kill()
            self.guard.wait()
        if self.report >= 0:
            os.close(self.report)
            self.report = -1


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8000))
        return file.read().decode(errors="replace")


def guarded(
    command: Sequence[str], environment: Mapping[str, str], number: int, trace: Path, output: Path, errors: Path
) -> TracedRun:
    """Start a command below a guard.

    Args:
        command: program and arguments.
        environment: of both.
        number: of the run.
        trace: to be written by the command.
        output: what it prints goes here.
        errors: and its errors here.
    """
    life, held = os.pipe()
    report, said = os.pipe()
    os.set_blocking(report, False)
    limits = (str(life), str(said), str(guard.OUTPUT), str(guard.TRACES), str(trace.resolve()))
    try:
        with _private(output) as printed, _private(errors) as complaints:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(guard.__file__).resolve()), *limits, *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=complaints,
                start_new_session=True,
                pass_fds=(life, said),
            )
    finally:
        os.close(life)
        os.close(said)
    return TracedRun(process, held, report, number, trace, output, errors)


def _private(path: Path) -> BinaryIO:
    """Open a file to be written that nobody else may read: what a program prints may hold what it was told."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
