"""Holds two traces against each other and finds the first event, in the order of execution, that differs.

Events are aligned by identity, not by position: what only one run did doesn't shift the rest. Where the first differing
event had equal inputs, it is the culprit itself. Where its inputs differ already, untraced code made the difference:
then the sources reached before it, and what only one run did, are the suspects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sac.why.event import Event
from sac.why.shared_file import Shared
from sac.why.trace import Trace

STOPPED = "stopped"
"""End of a trace that is known to have none, mostly because `sac why` stopped the run: the answer was certain."""


@dataclass(frozen=True)
class Pair:
    """The same event in both runs."""

    a: Event
    b: Event

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of inputs that differ."""
        return _unlike(self.a.inputs, self.b.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of outputs that differ."""
        return _unlike(self.a.outputs, self.b.outputs)

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return bool(self.inputs or self.outputs)


@dataclass(frozen=True)
class TraceDivergence:
    """Where two runs part.

    Attributes:
        event: the first event that differs; the innermost one, where events lie in each other.
        outer: the event of the script that it lies in, or itself.
        alone: events that only one of the runs has, before that.
        sources: what was reached before or within it, and gave the runs different values.
        before: the last events that were equal.
        control: whether the runs part because one did something that the other didn't.
    """

    event: Pair
    outer: Pair
    alone: tuple[Event, ...] = ()
    sources: tuple[Pair, ...] = ()
    before: tuple[Event, ...] = ()
    control: bool = False

    @property
    def inputs_equal(self) -> bool:
        """Whether all that is known to have gone into the event was equal."""
        return not self.event.inputs and not self.control


class Uncompared(NamedTuple):
    """Something that could not be compared: its type, and the line of the event that it belongs to."""

    kind: str
    file: str
    line: int
    what: str

    @property
    def text(self) -> str:
        """What it is, in words."""
        return f"{self.what} of {self.kind} at {self.file}:{self.line}"


def count_uncompared(tally: Counter[Uncompared], *events: Event) -> None:
    """Count what could not be read of an event in one run or in both."""
    for path, kind in {part for event in events for part in event.uncompared}:
        place, event = events[0].place, events[0]
        tally[Uncompared(kind, place.file, place.line, f"{event.name}, {path or 'its inputs or outputs'}")] += 1


@dataclass
class TraceComparison:
    """What holding two traces against each other showed."""

    a: Trace
    b: Trace
    compared: int
    divergence: TraceDivergence | None = None
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    lost: str = ""
    """Which run's trace could not be written, and why; empty where none was lost."""
    uncompared: Counter[Uncompared] = field(default_factory=Counter)
    """What could not be compared, and how often."""
    uncovered: list[str] = field(default_factory=list)
    """Processes, or parts of them, that could not be followed."""
    unseen: list[str] = field(default_factory=list)
    """What the runs printed or saved and no event shows, where that differs."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many events of each kind were compared: `draw`, `optimizer.step` and so on."""
    varied: list[str] = field(default_factory=list)
    """What the runs were made to differ in."""
    disturbed: Shared | None = None
    """The file by which one run can have parted the other one from it, where they ran at once."""

    @property
    def proven(self) -> bool:
        """Whether it says something about the script that the runs are equal, or that they aren't."""
        if self.divergence is not None:
            return self.disturbed is None
        if self.unseen:
            return True
        return self.compared > 0 and not (self.failed or self.uncompared or self.uncovered)

    @property
    def equal(self) -> bool:
        """Whether all that was compared of both runs was equal."""
        return self.divergence is None and not self.unseen


def _unlike(a: object, b: object) -> tuple[str, ...]:
    """Return the names under which two mappings differ."""
    if not isinstance(a, dict) or not isinstance(b, dict):
        return ()
    return tuple(name for name in {**a, **b} if a.get(name) != b.get(name))


def compare(a: Trace, b: Trace, others: Sequence[TraceDivergence] = ()) -> TraceComparison:
    """Align two traces and find where they part; of several places, in the processes that were started too, the first.

    Args:
        a: a run's main process, with the others as its children.
        b: the same of the other run.
        others: places where processes part that aren't to be aligned.
    """
    found = [*(_compare_flows(one, other) for one, other in _processes(a, b)), *others]
    compared = sum(len(_pairs(one.flows, other.flows)) for one, other in _processes(a, b))
    # An event is stamped at its end: that of a child comes before that of the parent that waited for it.
    first = min((one for one in found if one is not None), key=lambda one: one.event.a.time, default=None)
    return TraceComparison(a, b, compared, first, list(_notes(a, b)))


def _processes(a: Trace, b: Trace) -> Iterable[tuple[Trace, Trace]]:
    """Return the processes that both runs have."""
    both = [label for label in a.children if label in b.children]
    pairs = [(a, b), *((a.children[label], b.children[label]) for label in both)]
    return [pair for pair in pairs if not (pair[0].pool or pair[1].pool)]


def _pairs(a: Sequence[Event], b: Sequence[Event]) -> list[Pair]:
    """Return the events that both runs have, in the order of the first."""
    others = {event.key: event for event in b}
    return [Pair(event, others[event.key]) for event in a if event.key in others]


def _compare_flows(a: Trace, b: Trace) -> TraceDivergence | None:
    """Find where two processes part."""
    pairs = _pairs(a.flows, b.flows)
    differing = next((pair for pair in pairs if pair.differs), None)
    alone = _alone(a, b, pairs, differing)
    if differing is None:
        return None if not alone else _control(a, b, pairs, alone)
    inner = _innermost(pairs, differing)
    sources = tuple(sources_of(a, b, inner))
    before = tuple(pair.a for pair in pairs if pair.a.number < differing.a.number)[-5:]
    return TraceDivergence(inner, _outermost(pairs, inner, a), tuple(alone), sources, before)


def _control(a: Trace, b: Trace, pairs: Sequence[Pair], alone: Sequence[Event]) -> TraceDivergence:
    """Return the divergence of runs that are equal in what both did, but one did more."""
    extra = alone[0]
    before = tuple(pair.a for pair in pairs if pair.a.number < extra.number)[-5:]
    pair = Pair(extra, extra)
    return TraceDivergence(pair, pair, tuple(alone), tuple(sources_of(a, b, pair)), before, control=True)


def _alone(a: Trace, b: Trace, pairs: Sequence[Pair], differing: Pair | None) -> list[Event]:
    """Return the events that one run has and the other lacks, as far as both were traced and still equal."""
    found = []
    keys = {pair.a.key for pair in pairs}
    for trace, other, side in ((a, b, "a"), (b, a, "b")):
        last = max((getattr(pair, side).number for pair in pairs), default=0)
        end = getattr(differing, side).number if differing else (last if not other.complete else float("inf"))
        found += [event for event in trace.flows if event.key not in keys and event.number < end]
    return sorted(found, key=lambda event: event.number)


def _innermost(pairs: Sequence[Pair], pair: Pair) -> Pair:
    """Return the first differing event inside of an event, as deep as there is one."""
    while pair.inputs == ():
        inside = next((one for one in pairs if one.a.parent == pair.a.number and one.differs), None)
        if inside is None:
            break
        pair = inside
    return pair


def _outermost(pairs: Sequence[Pair], pair: Pair, trace: Trace) -> Pair:
    """Return the event of the script that a pair lies in."""
    numbers = {one.a.number: one for one in pairs}
    # An event whose outputs never came (the process ended) isn't there.
    while pair.a.parent in numbers:
        pair = numbers[pair.a.parent]
    return pair


def sources_of(a: Trace, b: Trace, pair: Pair) -> Iterable[Pair]:
    """Return the sources that gave the runs different values, before a pair's event or within it; the nearest first.

    What a process that was started has read until then may have come back to the main one; it comes behind its own.
    """
    near = (one for one in a.sources if one.number <= pair.a.number or one.parent == pair.a.number)
    yield from _unlike_sources([*near], b)
    children = [label for label in a.children if label in b.children and not pair.a.process]
    for label in children:
        until = (one for one in a.children[label].sources if one.time <= pair.a.time)
        yield from _unlike_sources([*until], b.children[label])


def _unlike_sources(sources: Sequence[Event], b: Trace) -> Iterable[Pair]:
    """Return those sources of one process that gave the other run something else, the last one first."""
    others = {source.key: source for source in b.sources}
    for source in reversed(sources):
        other = others.get(source.key)
        if other is None or other.outputs != source.outputs:
            yield Pair(source, other or source)


def _notes(a: Trace, b: Trace) -> Iterable[str]:
    """Return what a reader should know of how far the comparison reaches."""
    for trace in (a, b):
        if trace.end == "limit":
            yield f"{trace.path.name} was cut off at the limit that was asked for"
        elif not trace.complete and trace.end != STOPPED:
            yield f"{trace.path.name} has no end: its run was killed or stopped"
    unlike = {label for trace in (a, b) for label, one in trace.children.items() if not one.pool}
    unlike -= a.children.keys() & b.children.keys()
    if unlike:
        yield f"{len(unlike)} child processes were traced in one run only"
