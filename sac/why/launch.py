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

from sac.why import run as runner
from sac.why.compare import compare
from sac.why.trace import BadTrace, Trace, read_trace

ENOUGH = 50
"""Events after a parting that make it certain that no earlier one is still to be written."""


class CantRun(RuntimeError):
    """The command can't be run; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What to run, and how.

    Attributes:
        command: the user's command.
        folder: where traces and outputs go.
        until: events after which a run is cut off; 0 for none.
        seconds: time after which it is; 0 for none.
        variations: for each run, environment variables of its own.
        deep: part of the run whose operations are recorded, as `deep` understands it.
        root: folder of the user's own files, if it isn't the script's.
    """

    command: Sequence[str]
    folder: Path
    until: int = 0
    seconds: float = 0.0
    variations: Sequence[Mapping[str, str]] = field(default_factory=lambda: [{}])
    deep: str = ""
    root: Path | None = None


@dataclass
class Run:
    """One run of the command."""

    process: subprocess.Popen[bytes]
    trace: Path
    output: Path

    @property
    def words(self) -> str:
        """The end of what the run printed."""
        return self.output.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """End the run and the processes that it started."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, kind)
                self.process.wait(3)


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
    if os.path.basename(command[0]).startswith("python") and place < len(command) and command[place][0] != "-":
        script = Path(command[place])
        if not script.is_file():
            raise CantRun(f"there is no script {command[place]!r}")
        return [program, *command[1:place], str(runner.HERE / "run.py"), *command[place:]], "script", script.parent
    return [program, *command[1:]], "inject", Path.cwd()


def start(plan: Plan, number: int) -> Run:
    """Start one run."""
    command, how, root = traced_command(plan.command)
    trace, output = plan.folder / f"run{number}.trace", plan.folder / f"run{number}.out"
    own = os.environ.get("PYTHONHASHSEED", str(number))
    environment = {
        **os.environ,
        "PYTHONHASHSEED": own,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(runner.HERE / "inject"), os.environ.get("PYTHONPATH", "")])),
        runner.TRACE: str(trace.resolve()),
        runner.ROOT: str((plan.root or root).resolve()),
        runner.UNTIL: str(plan.until),
        runner.SECONDS: str(plan.seconds),
        runner.MAIN: how,
        runner.DEEP: plan.deep,
        **plan.variations[(number - 1) % len(plan.variations)],
    }
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    return Run(process, trace, output)


def run_all(plan: Plan, runs: int) -> list[Run]:
    """Run the command several times, at once; ends when all have ended, or part."""
    started = [start(plan, number) for number in range(1, runs + 1)]
    pause = 0.5
    try:
        while any(run.process.poll() is None for run in started):
            time.sleep(pause)
            pause = min(30.0, pause * 1.3)
            if runs > 1 and _parted(started):
                break
    finally:
        for run in started:
            if run.process.poll() is None:
                run.stop()
    return started


def _parted(runs: Sequence[Run]) -> bool:
    """Whether it is certain already where two runs part."""
    try:
        first, *others = (read_trace(run.trace) for run in runs)
    except BadTrace:
        return False
    return any(_certain(first, other) for other in others)


def _certain(a: Trace, b: Trace) -> bool:
    """Whether two unfinished traces show a parting, and enough events behind it."""
    parting = compare(a, b).parting
    if parting is None or parting.control or parting.event.a.process:
        return False
    pair = parting.event
    return all(trace.flows[-1].number > one.number + ENOUGH for trace, one in ((a, pair.a), (b, pair.b)))
