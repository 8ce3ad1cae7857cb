"""How far a comparison reaches: processes that couldn't be followed, traces without an end, what the runs printed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sac.why.compare import STOPPED, TraceComparison
from sac.why.printed import MASKED, Own, first_unlike
from sac.why.trace import Trace
from sac.why.tracer.content import short

_PYTHON = re.compile(r"(python|pypy)[\d.]*(\.exe)?")
_SHOWN = 3
_SMALL = 300
_LARGE = 1 << 26
"""Bytes of output that are compared."""


def note_coverage(comparison: TraceComparison) -> None:
    """Note what of two runs wasn't followed: it was not compared, so the runs aren't called equal for it."""
    found: dict[str, None] = {}
    for number, trace in enumerate((comparison.a, comparison.b), start=1):
        if trace.end in (STOPPED, "limit"):
            continue
        if not trace.complete:
            found[f"run {number} has no end: it was killed, or became a program that isn't traced"] = None
        found |= dict.fromkeys(_unfollowed(trace, number))
    found |= dict.fromkeys(_only_in_one(comparison))
    comparison.uncovered += found
    programs = dict.fromkeys(_programs(comparison.a))
    if programs:
        more = f" and {len(programs) - _SHOWN} more" if len(programs) > _SHOWN else ""
        comparison.notes.append(f"not Python, and not covered: {', '.join([*programs][:_SHOWN])}{more}")


def _family(trace: Trace) -> list[Trace]:
    return [trace, *trace.children.values()]


def _unfollowed(trace: Trace, number: int) -> Iterator[str]:
    """Yield the children that have no trace, or one without an end though nobody ended them."""
    killed = {pid for one in _family(trace) for pid in one.killed}
    pids = {one.header.get("pid") for one in _family(trace)}
    for label, one in trace.children.items():
        ended = one.end or one.header.get("lasting") or one.header.get("pid") in killed
        groups = one.header.get("ppid") in killed
        if not (ended or groups):
            yield f"child process {label} of run {number} has no end: it was killed, or works on"
    for one in _family(trace):
        for started in one.started:
            if started.pid not in pids and _is_python(started.arguments):
                words = short(" ".join(started.arguments), 80).strip("'")
                yield f"a Python that isn't followed: {words}, started at {started.place.file}:{started.place.line}"


def _is_python(arguments: Iterable[str]) -> bool:
    program = next(iter(arguments), "")
    return _PYTHON.fullmatch(os.path.basename(program)) is not None


def _programs(trace: Trace) -> Iterator[str]:
    """Yield the programs that were started and are no Python."""
    pids = {one.header.get("pid") for one in _family(trace)}
    for one in _family(trace):
        for started in one.started:
            if started.pid not in pids and not _is_python(started.arguments):
                program = os.path.basename(next(iter(started.arguments), "?"))
                yield f"{program} ({started.place.file}:{started.place.line})"


def _only_in_one(comparison: TraceComparison) -> Iterator[str]:
    """Yield the processes that only one run has, and that did something that should have been compared."""
    a, b = comparison.a, comparison.b
    for one, other, number in ((a, b, 1), (b, a, 2)):
        for label, child in one.children.items():
            if label not in other.children and not child.pool and child.alone:
                yield f"child process {label} is in run {number} only, with {child.alone} events"


def _numbers(trace: Trace) -> set[int]:
    """Return the numbers of a run's processes, but for those so small that they may be a result."""
    found = {int(one.header.get(name) or 0) for one in _family(trace) for name in ("pid", "ppid")}
    return {number for number in found if number > _SMALL}


def _own(trace: Trace) -> Own:
    return Own(_numbers(trace), trace.header.get("names", ()))


def note_printed(comparison: TraceComparison, outputs: Iterable[tuple[str, Path, Path]]) -> None:
    """Hold what two runs printed against each other, where no event differs.

    Args:
        comparison: of the two runs.
        outputs: what it is called, and the two files.
    """
    if comparison.divergence is not None:
        return
    threads = any("thread" in flow.facts for flow in comparison.a.flows)
    ordered = not comparison.a.children and not comparison.b.children and not threads
    own = (_own(comparison.a), _own(comparison.b))
    for name, a, b in outputs:
        if max(a.stat().st_size, b.stat().st_size) > _LARGE:
            comparison.uncovered.append(f"{name} is larger than {_LARGE >> 20} MiB, and wasn't compared")
            continue
        found = first_unlike(a.read_text(errors="replace"), b.read_text(errors="replace"), ordered, own)
        if found is not None:
            shown = " and ".join(repr(line[:200]) for line in (found.a, found.b))
            comparison.unseen.append(f"line {found.line} of {name}: {shown} (masked: {MASKED})")
