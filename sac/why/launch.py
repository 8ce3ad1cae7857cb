"""Starts a script's runs under the tracer, and stops them as soon as it is clear where they part."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sac.errors import UserError
from sac.processes import end_with_parent, ended_by_signals, wait_for
from sac.why.family import files_of, header_of
from sac.why.project import root_of
from sac.why.trace_pair import Twins
from sac.why.tracer import run as runner
from sac.why.tracer import vary
from sac.why.tracer.trace_file import LOST, RESERVED

_UNWRITTEN = "the trace could not be written"


SETTLE = 5.0
"""Seconds that are given to the processes of a run that has ended."""


class CantRun(UserError, RuntimeError):
    """The command can't be run; the message says why."""


@dataclass(frozen=True)
class TracePlan:
    """What to run, and how.

    Attributes:
        command: the user's command.
        folder: where traces and outputs go.
        until: events after which a run is cut off; 0 for none.
        seconds: time after which it is; 0 for none.
        variations: for each run, environment variables of its own.
        deep: part of the run whose operations are recorded, as `tracer.operations` understands it.
        root: folder of the user's own files, if it isn't the script's.
        prefix: what stands before the number of a run where `{run}` is in the command.
        force: what both runs are made to do otherwise, as `tracer.force` understands it.
        lines: flow event from which on each line is watched, as `tracer.lines` understands it.
        closely: number of events after which none is put into a block any more; empty if all may be.
        patience: seconds after which the runs are stopped; 0 for none.
    """

    command: Sequence[str]
    folder: Path
    until: int = 0
    seconds: float = 0.0
    variations: Sequence[Mapping[str, str]] = field(default_factory=lambda: [{}])
    deep: str = ""
    root: Path | None = None
    prefix: str = ""
    force: str = ""
    lines: str = ""
    closely: str = ""
    patience: float = 0.0


@dataclass
class TracedRun:
    """One run of the command."""

    process: subprocess.Popen[bytes]
    number: int
    trace: Path
    output: Path
    errors: Path
    stopped: bool = False

    @property
    def trouble(self) -> str:
        """How the run failed by itself, and its last words; empty if it didn't."""
        status = self.process.returncode
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
        return f"{_UNWRITTEN}: {why}" if why else ""

    @property
    def words(self) -> str:
        """The end of what the run printed, and of its errors."""
        return (_end_of(self.output) + _end_of(self.errors))[-2000:]

    def stop(self) -> None:
        """End the run and the processes that it started."""
        self.stopped = True
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, kind)
                self.process.wait(3)


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8000))
        return file.read().decode(errors="replace")


def traced_command(command: Sequence[str]) -> tuple[list[str], str, Path]:
    """Return the command to execute, how the tracer gets in, and the folder of the user's own files.

    The script of `python script.py …` is executed by `run.py`, which can rewrite it; into anything else the tracer
    comes through `sitecustomize` alone.
    """
    if not command:
        raise CantRun("no command: write it after `--`, for example `sac why -- python train.py`")
    program = shutil.which(command[0])
    if program is None:
        raise CantRun(f"there is no program {command[0]!r}")
    place = 1
    while place < len(command) and command[place].startswith("-") and command[place] not in ("-m", "-c", "-"):
        place += 2 if command[place] in ("-W", "-X") else 1
    is_python = os.path.basename(command[0]).startswith("python")
    if is_python and command[place : place + 1] in (["-c"], ["-"], []):
        raise CantRun("code that is typed in has no lines to be named: write it into a file, `python train.py`")
    if is_python and place < len(command) and command[place][0] != "-":
        script = Path(command[place])
        if not script.is_file():
            raise CantRun(f"there is no script {command[place]!r}")
        return [program, *command[1:place], str(runner.HERE / "run.py"), *command[place:]], "script", script.parent
    return [program, *command[1:]], "inject", Path.cwd()


def start(plan: TracePlan, number: int) -> TracedRun:
    """Start one run."""
    name = f"{plan.prefix}{number}"
    command, how, root = traced_command([part.replace("{run}", name) for part in plan.command])
    trace, output, errors = (plan.folder / f"run{number}.{end}" for end in ("trace", "out", "err"))
    for file in (trace, *files_of(trace)):
        # Of an earlier question, in a folder that is kept.
        file.unlink(missing_ok=True)
    _reserve(trace)
    environment = {
        # The command itself may run in a process that is traced.
        **{name: value for name, value in os.environ.items() if not name.startswith(runner.OWN)},
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", str(number)),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(runner.HERE / "inject"), os.environ.get("PYTHONPATH", "")])),
        runner.TRACE: str(trace.resolve()),
        runner.ROOT: str((plan.root or root_of(root)).resolve()),
        runner.UNTIL: str(plan.until),
        runner.SECONDS: str(plan.seconds),
        runner.MAIN: how,
        runner.DEEP: plan.deep,
        runner.FORCE: plan.force,
        runner.LINES: plan.lines,
        runner.CLOSE: plan.closely,
        runner.CLOCK: vary.origin(),
        runner.RUN: name,
        **plan.variations[(number - 1) % len(plan.variations)],
    }
    with output.open("wb") as printed, errors.open("wb") as complaints:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=complaints,
            start_new_session=True,
            preexec_fn=end_with_parent(),
        )
    return TracedRun(process, number, trace, output, errors)


def _reserve(trace: Path) -> None:
    """Make the file in which the tracer can say that the disk is full, while it isn't."""
    try:
        Path(f"{trace}{LOST}").write_bytes(b" " * RESERVED)
    except OSError as error:
        raise CantRun(f"{_UNWRITTEN}: {error.strerror}: {trace}") from error


def run_all(plan: TracePlan, runs: int, before: Sequence[TracedRun] = ()) -> tuple[list[TracedRun], list[Twins]]:
    """Run the command several times, at once; ends when all have ended, or part.

    Args:
        plan: what to run.
        runs: how often.
        before: runs that have ended, and are held against the new ones.

    Returns:
        The runs, and the first one held against each of the others, read as far as it was needed.
    """
    # Of a question that runs once more, the first run and its twin have ended.
    first = 3 if before else 1
    started = [*before, *(start(plan, number) for number in range(first, first + runs))]
    twins = [Twins(started[0].trace, other.trace) for other in started[1:]]
    # The runs are sessions of their own, and would go on for hours.
    with ended_by_signals():
        try:
            _watch(started, twins, plan.patience)
            _settle(started)
        finally:
            for run in started:
                if run.process.poll() is None:
                    run.stop()
    for one in twins:
        one.stopped = {run.trace for run in started if run.stopped or run.lost}
    for run in started:
        if not run.lost:
            Path(f"{run.trace}{LOST}").unlink(missing_ok=True)
    return started, twins


def _watch(runs: Sequence[TracedRun], twins: Sequence[Twins], patience: float = 0.0) -> None:
    """Wait until all runs have ended, or there is nothing more to be learnt from them, or they took too long."""
    pause = 0.3
    end = time.monotonic() + patience if patience else float("inf")
    while not wait_for([run.process for run in runs], pause):
        pause = min(5.0, pause * 1.3)
        if time.monotonic() > end:
            return
        # All are asked, so that none of them lags behind.
        if any([one.parted() for one in twins]) or _pointless(runs, twins) or any(run.lost for run in runs):
            return


def _settle(runs: Sequence[TracedRun]) -> None:
    """Wait a little for processes that outlive the one that started them: they may still write."""
    end = time.monotonic() + SETTLE
    while time.monotonic() < end and any(_works_on(file) for run in runs for file in files_of(run.trace)):
        if any(run.process.poll() is None for run in runs):
            return
        time.sleep(0.05)


def _works_on(file: Path) -> bool:
    """Whether the process that writes a trace is alive."""
    header = header_of(file) or {"lasting": True}
    if header.get("lasting"):
        return False
    try:
        return ") Z " not in Path(f"/proc/{header['pid']}/stat").read_text()
    except OSError:
        return False


def _pointless(runs: Sequence[TracedRun], twins: Sequence[Twins]) -> bool:
    """Whether a run failed, and the others have gone on far behind the place: nothing more can be compared."""
    first, *others = (bool(run.process.returncode) for run in runs)
    pairs = zip(twins, others, strict=True)
    return bool(twins) and all((first or other) and one.beyond(0 if first else 1) for one, other in pairs)
