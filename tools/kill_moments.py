"""`python -m tools.kill_moments [--point N] [--stack_cube N] [--seed S]`: SIGKILL at drawn moments, resume, compare.

The moments are drawn from the time that an uninterrupted process takes, so they also strike while it starts, resumes,
evaluates, or writes a checkpoint. A run that was killed is resumed by a process that is killed in turn, until one comes
to its end; its files must then be those of the uninterrupted run, and no worker process may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sac.ledger.file import LedgerError, read_ledger
from sac.numerics.profiles import PROFILES
from sac.processes import sac_command
from tests.determinism import dying, resuming
from tests.determinism.resuming import assert_equal_runs
from tests.integration.watching import is_running
from tools.kill_points import SMALL

LONGEST = 600.0
GRACE = 20.0
"""Seconds within which the workers of a killed run must be gone."""


class Process(Protocol):
    """A training, in a process of its own."""

    pid: int

    def ended(self, seconds: float) -> bool:
        """Wait so long; return whether it has ended."""
        ...

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        ...

    def status(self) -> int:
        """Its exit status."""
        ...


class Forked:
    """A training in a fork of a server that has torch loaded: it takes a second."""

    def __init__(self, arguments: list[str], output: Path) -> None:
        self._process = dying.start(arguments, None, output)
        self.pid = self._process.pid or 0

    def ended(self, seconds: float) -> bool:
        """Wait so long; return whether it has ended."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.join()

    def status(self) -> int:
        """Its exit status."""
        return self._process.exitcode or 0


class Fresh:
    """The command `sac train` in a fresh process."""

    def __init__(self, arguments: list[str], output: Path) -> None:
        with output.open("wb") as file:
            words = sac_command(["train", *arguments])
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    def ended(self, seconds: float) -> bool:
        """Wait so long; return whether it has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait()

    def status(self) -> int:
        """Its exit status."""
        return self._process.returncode


@dataclass(frozen=True)
class Task:
    """What is trained, how it is started, and the files that must be equal."""

    name: str
    flags: tuple[str, ...]
    start: Callable[[list[str], Path], Process]
    files: tuple[str, ...]


POINT = Task("point", (*resuming.FLAGS, "--checkpoint_freq=2"), Forked, resuming.FILES)
STACK_CUBE = Task("stack_cube", (*SMALL, "--workers=2"), Fresh, ("ledger.jsonl", "metrics.csv", "policy.pt"))


@dataclass
class Count:
    """What has been seen."""

    kills: int = 0
    while_resuming: int = 0
    runs: int = 0
    unequal: int = 0


def main() -> int:
    """0: all ended equal; 1: one did not, or left a worker."""
    parser = argparse.ArgumentParser(prog="kill_moments")
    parser.add_argument("--point", type=int, default=100, help="kills of the point task (default %(default)s)")
    parser.add_argument("--stack_cube", type=int, default=10, help="kills of StackCube-v1 with two workers")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default %(default)s)")
    options = parser.parse_args()
    # The server that forks must have them when it loads torch.
    os.environ.update(PROFILES["deterministic"].environment)
    unequal = 0
    with tempfile.TemporaryDirectory(prefix="sac-kills-") as temporary:
        for task, kills in ((POINT, options.point), (STACK_CUBE, options.stack_cube)):
            if not kills:
                continue
            draw = random.Random(f"{task.name} {options.seed}")
            found = kill_often(task, kills, draw, Path(temporary, task.name))
            unequal += found.unequal
            print(
                f"{task.name}: {found.kills} kills, {found.while_resuming} of them of a process that resumed, in "
                f"{found.runs} runs, {found.runs - found.unequal} of which ended equal to the uninterrupted one",
                flush=True,
            )
    return 1 if unequal else 0


def kill_often(task: Task, kills: int, draw: random.Random, root: Path) -> Count:
    """Kill runs of a task so often; each is resumed until it ends, and compared."""
    root.mkdir()
    # What starts only once is no part of the time.
    task.start(["--help"], root / "help.txt").ended(LONGEST)
    begun = time.monotonic()
    whole = task.start([*task.flags, "--run_dir", str(root / "whole")], root / "whole.txt")
    if not whole.ended(LONGEST) or whole.status() != 0:
        sys.exit(f"the uninterrupted run failed:\n{(root / 'whole.txt').read_text()}")
    seconds, count = time.monotonic() - begun, Count()
    print(f"{task.name}: an uninterrupted process takes {seconds:.1f} s", flush=True)
    while count.kills < kills:
        count.runs += 1
        trouble = _run_to_the_end(task, root / f"run-{count.runs}", kills, seconds, draw, count)
        if not trouble:
            trouble = _difference(root / f"run-{count.runs}", root / "whole", task.files)
        if trouble:
            count.unequal += 1
            print(f"{task.name}, run {count.runs}: {trouble}", flush=True)
    return count


def _run_to_the_end(task: Task, folder: Path, kills: int, seconds: float, draw: random.Random, count: Count) -> str:
    """Kill one run again and again until a process comes to its end; returns what went wrong."""
    while True:
        resuming_it = (folder / "manifest.json").exists()
        flags = ["--resume", str(folder)] if resuming_it else [*task.flags, "--run_dir", str(folder)]
        process = task.start(flags, folder.with_suffix(".txt"))
        moment = draw.uniform(0, seconds) if count.kills < kills else LONGEST
        if process.ended(moment):
            return _failure(process.status(), folder.with_suffix(".txt"))
        workers = _children(process.pid)
        process.kill()
        count.kills += 1
        count.while_resuming += resuming_it
        print(f"  killed after {moment:.2f} s, {_lines(folder)} lines in the ledger", flush=True)
        if not _gone(workers):
            return f"workers {workers} outlived the run (ended now)"


def _failure(status: int, output: Path) -> str:
    said = output.read_text(errors="replace")[-2000:] if output.exists() else ""
    return f"ended with {status}:\n{said}" if status else ""


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _gone(pids: list[int]) -> bool:
    """Wait for processes to end; whether they have. Those that have not are killed."""
    end = time.monotonic() + GRACE
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > end:
            for pid in filter(is_running, pids):
                subprocess.run(["kill", f"-{signal.SIGKILL:d}", str(pid)], check=False)
            return False
        time.sleep(0.02)
    return True


def _lines(folder: Path) -> int:
    try:
        return len(read_ledger(folder).lines)
    except LedgerError:
        return 0


def _difference(found: Path, whole: Path, files: tuple[str, ...]) -> str:
    try:
        assert_equal_runs(found, whole, files)
    except AssertionError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
