"""Files that two runs at once have in common, and whether one of them can have parted the runs.

Both runs work in one folder, so one may find what the other left there: a folder that is made already, a checkpoint to
go on from. What parts them then isn't the script's doing, and a verdict on the script would be false.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from sac.why.compare import TraceComparison, TraceDivergence
from sac.why.event import Event, Touch
from sac.why.shared_file import Shared, line_of
from sac.why.trace import Trace

REMEDY = "`{run}` in the command is another name in each run: `--out runs/{run}`"
_FROM_OUTSIDE = ("seed", "result", "env.reset", "env.step", "vector.reset", "vector.step")
"""Events in which code of the user's own runs, or whose value is no input: a file may decide them."""
_SHOWN = 3


def shared_files(a: Trace, b: Trace) -> list[Shared]:
    """List what both runs touched, the processes that they started included, in the order of time."""
    first, second = _touched(a), _touched(b)
    found = (_shared(path, first[path], second[path]) for path in first if path in second)
    return sorted(filter(None, found), key=lambda one: max(touch.time for touch in one.touches))


def _touched(trace: Trace) -> dict[str, list[Touch]]:
    """Return what a run did to each file, in the order of time."""
    found: dict[str, list[Touch]] = {}
    for process in trace.processes:
        for path, touches in process.files.items():
            found.setdefault(path, []).extend(touches)
    return {path: sorted(touches, key=lambda one: one.time) for path, touches in found.items()}


def _shared(path: str, a: Sequence[Touch], b: Sequence[Touch]) -> Shared | None:
    """Return how a file is shared; None if nobody changed it, or it was read before there was anything to be read."""
    reads = [_first(touches, "read", "share") for touches in (a, b)]
    changes = [_first(touches, "write", "share", "folder") for touches in (a, b)]
    for later in (True, False):
        for reader, (read, change) in enumerate(zip(reads, reversed(changes), strict=True)):
            # Only the first time is known: of a file that both change, a later look may be at the other's work.
            if read and change and (read.time >= change.time if later else all(changes)):
                return Shared(path, (read, change) if reader == 0 else (change, read), crossed=True)
    return Shared(path, (changes[0], changes[1]), crossed=False) if changes[0] and changes[1] else None


def _first(touches: Sequence[Touch], *hows: str) -> Touch | None:
    return next((touch for touch in touches if touch.how in hows), None)


def note_sharing(comparison: TraceComparison, words: tuple[str, str]) -> None:
    """Find what two runs at once shared: what can have parted them becomes the verdict, the rest a note.

    Args:
        comparison: of two runs that went on at the same time.
        words: how each run failed; empty if it didn't.
    """
    found = shared_files(comparison.a, comparison.b)
    comparison.disturbed = next((one for one in found if _can_have_parted(one, comparison, words)), None)
    comparison.notes += _notes([one for one in found if one is not comparison.disturbed and not one.folder])


def _notes(found: Sequence[Shared]) -> Iterator[str]:
    for crossed, what in ((False, "both runs wrote"), (True, "one run may have read what the other one wrote:")):
        some = [one for one in found if one.crossed == crossed]
        if some:
            names = ", ".join(f"{one.name} ({line_of(one.touches[0])})" for one in some[:_SHOWN])
            more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
            yield f"{what} {names}{more}; to give each run its own: {REMEDY}"


def _can_have_parted(shared: Shared, comparison: TraceComparison, words: tuple[str, str]) -> bool:
    """Whether two runs can have parted by a file that they share."""
    divergence = comparison.divergence
    if divergence is None:
        return False
    if divergence.control and _stumbled(shared, comparison, words):
        return True
    # Equal inputs and other outputs: the event is the culprit, whatever was read before.
    outside = divergence.control or not divergence.inputs_equal or divergence.event.a.kind in _FROM_OUTSIDE
    ends = _deadlines(divergence, comparison.a, comparison.b)
    both = zip(shared.touches, ends, strict=True)
    in_time = any(touch.how in ("read", "share") and touch.time <= end for touch, end in both)
    return shared.crossed and not shared.folder and outside and in_time


def _deadlines(divergence: TraceDivergence, a: Trace, b: Trace) -> tuple[float, float]:
    """Return the time at which each run came to the divergence; a run that never did had all its time for it."""
    event = divergence.event.a
    if not divergence.control:
        return event.time, divergence.event.b.time
    own, other = (event.time if event in _flows(trace) else float("inf") for trace in (a, b))
    return own, other


def _stumbled(shared: Shared, comparison: TraceComparison, words: tuple[str, str]) -> bool:
    """Whether one run failed over the file: its last words name it, or it did nothing any more after it."""
    traces = (comparison.a, comparison.b)
    for trace, own, other, said in zip(traces, shared.touches, reversed(shared.touches), words, strict=False):
        last = max((flow.time for flow in _flows(trace)), default=0.0)
        if said and other.time <= own.time and (own.time >= last or _names(said, shared.path)):
            return True
    return False


def _flows(trace: Trace) -> Iterable[Event]:
    return [flow for process in trace.processes for flow in process.flows]


def _names(words: str, path: str) -> bool:
    """Whether a message names a file, as a word of its own."""
    return re.search(rf"(?<![\w.-]){re.escape(os.path.basename(path))}(?![\w-])", words) is not None
