"""Runs a command several times and holds the runs against each other, whatever differs: events, output, coverage."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sac.why.compare import TraceComparison
from sac.why.coverage import note_coverage, note_printed
from sac.why.launch import TracePlan, run_all
from sac.why.program import CantRun
from sac.why.sharing import note_sharing
from sac.why.trace_pair import Twins
from sac.why.traced_run import LIMIT, TracedRun

ROOM = 4096
"""Bytes: a disk with less is full."""


@dataclass
class Asked:
    """What the runs said.

    Attributes:
        comparisons: the first run held against each of the others.
        seconds: that the first two took.
        failures: of the runs that failed by themselves, their number and their last words.
    """

    comparisons: list[TraceComparison]
    seconds: float
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def comparison(self) -> TraceComparison:
        """The one that decides: the first in which the runs part, or in which nothing is proved."""
        parted = (one for one in self.comparisons if not one.equal)
        open_ones = (one for one in self.comparisons if not one.proven)
        return next(parted, next(open_ones, self.comparisons[0]))


def ask(plan: TracePlan, runs: int | None, varied: Sequence[str]) -> Asked:
    """Run a command and compare.

    Args:
        plan: what to run.
        runs: how often; where None, twice, and a third time if those two agree.
        varied: what the plan lets differ between the runs.

    Raises:
        CantRun: it left no trace.
    """
    started = time.monotonic()
    made, twins = run_all(plan, runs or 2)
    seconds = time.monotonic() - started
    failures = {run.number: run.words for run in made if (run.status or 0) > 0 and not run.stopped}
    found = Asked(_held(made, twins), seconds, failures)
    if runs is None and found.comparison.equal and found.comparison.proven:
        more, again = run_all(plan, 1, made[:1], seconds)
        _add_third(found, _held(more, again)[0])
    for one in found.comparisons:
        one.varied = list(varied)
    return found


def _add_third(found: Asked, third: TraceComparison) -> None:
    """Count in a third run, unless it went another way by what the first two had left behind."""
    if third.disturbed is not None or (third.failed and third.equal):
        name = third.disturbed.name if third.disturbed is not None else "what the first two left"
        found.comparisons[0].notes.append(f"a third run met {name}, and was not counted")
        return
    found.comparisons.append(third)


def _held(made: Sequence[TracedRun], twins: Sequence[Twins]) -> list[TraceComparison]:
    """Hold the first run against each of the others."""
    for run in made:
        require_trace(run)
    found = [one.comparison() for one in twins]
    for comparison, other in zip(found, made[1:], strict=True):
        both = (made[0], other)
        note_sharing(comparison, (made[0].trouble, other.trouble))
        _note_failures(comparison, both)
        note_coverage(comparison)
        if not comparison.failed:
            printed = ("what is printed", made[0].output, other.output)
            errors = ("the errors printed", made[0].errors, other.errors)
            note_printed(comparison, (printed, errors))
    return found


def require_trace(run: TracedRun) -> None:
    """Refuse a run that left no trace at all, with its last words."""
    if run.lost and not (run.trace.exists() and run.trace.stat().st_size):
        raise CantRun(run.lost)
    if not run.trace.exists():
        said = run.trouble or "ended without a word"
        needs = "it must start a Python that is not isolated (-I), and leave it what PYTHONPATH holds"
        raise CantRun(f"the tracer never started: the command {said}; {needs}: `PYTHONPATH=src:$PYTHONPATH`")


def _note_failures(comparison: TraceComparison, runs: Sequence[TracedRun]) -> None:
    """Note that a trace was lost, or the script itself failed: then equality says only that both came as far."""
    for run in runs:
        if run.lost:
            said = f"run {run.number}: {run.lost}"
            comparison.failed = True
            comparison.lost = comparison.lost or said
            comparison.notes.append(said)
        elif run.cut == LIMIT:
            comparison.notes.append(f"run {run.number} was stopped at the limit of time: it did nothing that is traced")
        elif run.trouble:
            comparison.failed = True
            comparison.notes.append(f"run {run.number} {run.trouble}")
            if shutil.disk_usage(run.output.parent).free < ROOM:
                comparison.notes.append(f"the disk is full, and what run {run.number} prints goes there: {run.output}")
