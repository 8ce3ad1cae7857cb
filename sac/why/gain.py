"""For how many events more two runs are equal with a suspect forced; and how far they move by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sac.why.compare import TraceComparison, TraceDivergence, compare
from sac.why.event import Event
from sac.why.suspect import PRINTED
from sac.why.trace import Trace
from sac.why.tracer.place import Place


def before(comparison: TraceComparison, divergence: TraceDivergence) -> int | None:
    """Return how many events were equal before a divergence; None in a process that was started."""
    return None if divergence.event.a.process else position(comparison, divergence)


def gained(comparison: TraceComparison, divergence: TraceDivergence, again: TraceComparison) -> int | None:
    """Return for how many events more the runs are equal with a suspect forced; None if they don't part later."""
    if divergence.event.a.kind == PRINTED:
        # What is printed is compared even where there is no event.
        ended = again.a.complete and again.b.complete
        alike = again.divergence is None and not again.unseen and not again.failed and ended
        return 1 if alike else None
    place = position(comparison, divergence)
    if again.divergence is None:
        more = again.compared - place
        ended = again.a.complete and again.b.complete and again.compared > 0
        if again.failed:
            # A script that fails later on, or for which there is no more time, has come past the place all the same.
            return more if more > 0 else None
        return max(more, 1) if more > 0 or ended else None
    later = position(again, again.divergence) - place
    return later if later > 0 else None


def moved(comparison: TraceComparison, divergence: TraceDivergence, again: TraceComparison) -> float:
    """Return how much later the runs part though nothing was forced: endlessly, if they don't part at all now."""
    if divergence.event.a.kind == PRINTED:
        return 0 if again.divergence is not None or again.unseen else float("inf")
    if again.divergence is None:
        return float("inf") if gained(comparison, divergence, again) is not None else 0
    return position(again, again.divergence) - position(comparison, divergence)


def gained_without(consumers: Sequence[Place], comparison: TraceComparison, again: TraceComparison) -> int | None:
    """Return the same, where what a consumer of a generator does itself isn't compared: it does it at other times."""
    here = {(place.file, place.function) for place in consumers}
    lines = {(place.file, place.line) for place in consumers}

    def kept(flow: Event) -> bool:
        place = flow.place
        inside = place.function != "<module>" and (place.file, place.function) in here
        return not inside and (place.file, place.line) not in lines

    def kept_of(trace: Trace) -> Trace:
        return replace(trace, flows=[*filter(kept, trace.flows)])

    old, new = (compare(kept_of(one.a), kept_of(one.b)) for one in (comparison, again))
    new.failed = again.failed
    return None if old.divergence is None else gained(old, old.divergence, new)


def position(comparison: TraceComparison, divergence: TraceDivergence) -> int:
    """Return how many events were equal before a divergence, in its process."""
    event = divergence.event.a
    trace = comparison.a.children.get(event.process, comparison.a)
    return trace.let_go + sum(flow.number < event.number for flow in trace.flows)
