"""Starts a script's runs under the tracer, and stops them as soon as it is clear where they part."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sac.processes import ended_by_signals
from sac.why.family import files_of, header_of
from sac.why.program import SHIMS, CantRun, program_of, put_shims, with_tracer
from sac.why.project import root_of
from sac.why.trace_pair import Twins
from sac.why.traced_run import LATE, LIMIT, UNWRITTEN, TracedRun, guarded
from sac.why.tracer import run as runner
from sac.why.tracer import vary
from sac.why.tracer.masks import NAMES
from sac.why.tracer.trace_file import LOST, RESERVED

SETTLE = 5.0
"""Seconds that are given to the processes of a run that has ended."""

GRACE = 5.0
"""Seconds behind a limit of time after which a run is stopped that hasn't ended itself."""

STRAGGLING, STRAGGLING_AT_LEAST = 10.0, 60.0
"""A run may take so many times as long as one that has ended, and so many seconds more."""


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
        arrivals: not empty to note in which order threads and tasks change things.
        results: not empty to note what each call of the user's own lines gives.
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
    arrivals: str = ""
    results: str = ""
    patience: float = 0.0


def start(plan: TracePlan, number: int) -> TracedRun:
    """Start one run."""
    name = f"{plan.prefix}{number}"
    program = program_of([part.replace("{run}", name) for part in plan.command])
    trace, output, errors = (plan.folder / f"run{number}.{end}" for end in ("trace", "out", "err"))
    for file in (trace, *files_of(trace)):
        # Of an earlier question, in a folder that is kept.
        file.unlink(missing_ok=True)
    _reserve(trace)
    # The command itself may run in a process that is traced.
    given = {name: value for name, value in os.environ.items() if not name.startswith(runner.OWN)}
    given |= program.variables
    environment = {
        **with_tracer(given),
        "PATH": put_shims(plan.folder / SHIMS, given.get("PATH", os.defpath)),
        "PYTHONHASHSEED": given.get("PYTHONHASHSEED", str(number)),
        runner.TRACE: str(trace.resolve()),
        runner.ROOT: str((plan.root or root_of(program.folder)).resolve()),
        runner.UNTIL: str(plan.until),
        runner.SECONDS: str(plan.seconds),
        runner.MAIN: program.how,
        runner.DEEP: plan.deep,
        runner.FORCE: plan.force,
        runner.LINES: plan.lines,
        runner.CLOSE: plan.closely,
        runner.ARRIVALS: plan.arrivals,
        runner.RESULTS: plan.results,
        runner.CLOCK: vary.origin(),
        runner.RUN: name,
        NAMES: json.dumps(names_of(plan.command, name)),
        **plan.variations[(number - 1) % len(plan.variations)],
    }
    return guarded(program.words, environment, number, trace, output, errors)


def names_of(command: Sequence[str], name: str) -> list[list[str]]:
    """Return what `{run}` makes of the words of a command: each with the option that it is the value of, if any."""
    found = []
    for before, word in zip(("", *command), command, strict=False):
        option, equals, value = word.rpartition("=")
        if not equals and before.startswith("-"):
            option = before
        if "{run}" in value:
            found.append([option.lstrip("-"), value.replace("{run}", name)])
    return found


def _reserve(trace: Path) -> None:
    """Make the file in which the tracer can say that the disk is full, while it isn't."""
    try:
        Path(f"{trace}{LOST}").write_bytes(b" " * RESERVED)
    except OSError as error:
        raise CantRun(f"{UNWRITTEN}: {error.strerror}: {trace}") from error


def run_all(
    plan: TracePlan, runs: int, before: Sequence[TracedRun] = (), lasted: float = 0.0
) -> tuple[list[TracedRun], list[Twins]]:
    """Run the command several times, at once; ends when all have ended, or part.

    Args:
        plan: what to run.
        runs: how often.
        before: runs that have ended, and are held against the new ones.
        lasted: seconds that those took.

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
            _watch(started, twins, plan, lasted)
            _settle(started)
        finally:
            for run in started:
                run.release()
            for run in started:
                run.bury()
            shutil.rmtree(plan.folder / SHIMS, ignore_errors=True)
    for one in twins:
        one.stopped = {run.trace for run in started if run.stopped or run.lost}
    for run in started:
        if not run.lost:
            Path(f"{run.trace}{LOST}").unlink(missing_ok=True)
    return started, twins


def _watch(runs: Sequence[TracedRun], twins: Sequence[Twins], plan: TracePlan, lasted: float = 0.0) -> None:
    """Wait until all runs have ended, or there is nothing more to be learnt from them, or they took too long."""
    pause, began, late = 0.3, time.monotonic(), float("inf")
    # The script ends itself at the limit, with its next event; one that has no more events is stopped.
    limit = min(plan.patience or float("inf"), plan.seconds + GRACE if plan.seconds else float("inf"))
    while not _ended_within(runs, pause):
        spent = time.monotonic() - began
        if spent >= min(limit, late):
            _cut(runs, LIMIT if spent >= limit else LATE)
            return
        if late == float("inf") and any(run.status is not None for run in runs):
            late = _late(max(spent, lasted))
        pause = min(5.0, pause * 1.3, min(limit, late) - spent)
        # All are asked, so that none of them lags behind.
        if any([one.parted() for one in twins]) or _pointless(runs, twins) or any(run.lost for run in runs):
            return


def _late(lasted: float) -> float:
    """Return after how many seconds a run is stopped, where another one has ended after so many."""
    return lasted * STRAGGLING + STRAGGLING_AT_LEAST


def _ended_within(runs: Sequence[TracedRun], seconds: float) -> bool:
    """Wait until all runs have ended or the time is up; returns whether all have ended."""
    end = time.monotonic() + seconds
    while any([run.poll() is None for run in runs]):
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


def _cut(runs: Sequence[TracedRun], why: str) -> None:
    for run in runs:
        if run.poll() is None:
            run.cut = why


def _settle(runs: Sequence[TracedRun]) -> None:
    """Wait a little for processes that outlive the one that started them: they may still write."""
    end = time.monotonic() + SETTLE
    while time.monotonic() < end and any(_works_on(file) for run in runs for file in files_of(run.trace)):
        if any(run.poll() is None for run in runs):
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
    first, *others = (bool(run.status) for run in runs)
    pairs = zip(twins, others, strict=True)
    return bool(twins) and all((first or other) and one.beyond(0 if first else 1) for one, other in pairs)
