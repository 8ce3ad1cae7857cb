"""Reads the traces of two runs side by side while they grow, and remembers only what may still matter.

However long the runs are, memory stays bounded: what both did alike is counted and let go, but for the last events; and
from the first difference on only so many events are kept as the answer needs.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from sac.why.compare import STOPPED, Pair, TraceComparison, TraceDivergence, Uncompared, compare, count_uncompared
from sac.why.event import MAIN, Event
from sac.why.family import children_of
from sac.why.pool import Pool, is_pool_worker
from sac.why.trace import BadTrace, Reader, Trace, read_audit

KEEP = 1000
"""Equal events that are remembered: what ran just before a divergence, and what else drew from its generator."""

NEAR = 50
"""Equal events that are remembered longer, on either side of an event that the other run lacks."""

TAIL = 5000
"""Pairs of events that are remembered from the first difference on."""

LEAD = 2000
"""Events that one trace is read ahead of the other."""

ALONE = 10_000
"""Events of one run that are remembered while the other run lacks them."""

ENOUGH = 50
"""Events after a divergence that make it certain that no earlier one is still to be written."""


class _Process:
    """One process, as both runs have it."""

    def __init__(self, a: Reader, b: Reader) -> None:
        self.readers = (a, b)
        self.waiting: tuple[dict[object, Event], dict[object, Event]] = ({}, {})
        self.recent: deque[Pair] = deque(maxlen=KEEP)
        self.before: list[Pair] = []
        self.since: list[Pair] = []
        self.after: list[Pair] = []
        self.first: Pair | None = None
        self.compared = self.alike = 0
        self.uncompared: Counter[Uncompared] = Counter()
        self.kinds: Counter[str] = Counter()

    def read(self, final: bool) -> bool:
        """Read a block of the trace that is behind; of the other one where there is nothing more.

        Args:
            final: neither trace grows any more: how far one is ahead doesn't matter.

        Returns:
            Whether there was anything new.
        """
        behind, ahead = sorted((0, 1), key=lambda side: len(self.waiting[side]))
        if self._advance(behind):
            return True
        return (final or len(self.waiting[ahead]) <= LEAD) and self._advance(ahead)

    def _advance(self, side: int) -> bool:
        events = self.readers[side].read()
        for event in events or ():
            self._take(side, event)
        return events is not None

    def _take(self, side: int, event: Event) -> None:
        """Remember an event until the other run's counterpart comes, then hold them against each other."""
        if event.source:
            self.readers[side].trace.sources.append(event)
            return
        other = self.waiting[1 - side].pop(event.key, None)
        if other is not None:
            self._pair(Pair(event, other) if side == 0 else Pair(other, event))
        elif len(self.waiting[side]) < ALONE:
            if event.key in self.waiting[side]:
                # No tracer writes that: one of the two would never be held against anything.
                place, what = event.place, f"{event.name}, which a trace holds twice,"
                self.uncompared[Uncompared(event.kind, place.file, place.line, what)] += 1
            self.waiting[side][event.key] = event

    def _pair(self, pair: Pair) -> None:
        self.compared += 1
        self.kinds[pair.a.kind] += 1
        count_uncompared(self.uncompared, pair.a, pair.b)
        if pair.differs and (self.first is None or pair.a.number < self.first.a.number):
            self.first = pair
        if self.first is None:
            self.alike += 1
            if len(self.recent) == KEEP:
                self._evict(self.recent[0])
            self.recent.append(pair)
        # What ends late may have begun before the first difference, and hold it.
        elif len(self.after) < TAIL or pair.a.number <= self.first.a.number:
            self.after.append(pair)

    def _evict(self, pair: Pair) -> None:
        """Let a pair go, unless it stands next to an event that the other run seems to lack."""
        first = (next(iter(waiting.values()), None) for waiting in self.waiting)
        sides = zip(first, (pair.a, pair.b), strict=True)
        if all(one is None or event.number < one.number for one, event in sides):
            # What holds other events is written after them.
            self.before = sorted([*self.before, pair], key=lambda one: one.a.number)[-NEAR:]
            self.since.clear()
        elif len(self.since) < NEAR:
            self.since.append(pair)

    @property
    def let_go(self) -> int:
        """Equal events before any difference that are remembered no more."""
        return self.alike - len(self._equal())

    @property
    def remembered(self) -> int:
        """Events in memory."""
        return 2 * (len(self._equal()) + len(self.after)) + sum(map(len, self.waiting))

    def _equal(self) -> list[Pair]:
        return [*self.before, *self.since, *self.recent]

    def traces(self) -> tuple[Trace, Trace]:
        """Return what is remembered as two traces."""
        pairs = [*self._equal(), *self.after]
        for side, reader in enumerate(self.readers):
            flows = [*((pair.a, pair.b)[side] for pair in pairs), *self.waiting[side].values()]
            reader.trace.flows = sorted(flows, key=lambda event: event.number)
            reader.trace.let_go = self.let_go
        return self.readers[0].trace, self.readers[1].trace


class Twins:
    """Two runs, with the processes that they started."""

    def __init__(self, a: Path | str, b: Path | str) -> None:
        self.paths = (Path(a), Path(b))
        self.files: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
        """Of each run, the files of the processes that it started, by their labels."""
        self.processes: dict[str, _Process] = {}
        self.pool = Pool()
        self.stopped: set[Path] = set()
        """Traces without an end that need no note: the runs were stopped here, or another note says why."""

    def read(self, final: bool = False) -> None:
        """Read what the traces hold by now.

        Raises:
            BadTrace: one of them is no trace; or, at the end, is missing.
        """
        if final or all(path.exists() and path.stat().st_size for path in self.paths):
            self._add(MAIN)
        # What becomes of the processes that were started is seen when they have ended.
        if final:
            self._add_children()
        for process in self.processes.values():
            while process.read(final):
                pass

    def _add_children(self) -> None:
        self.files = (children_of(self.paths[0]), children_of(self.paths[1]))
        workers = [{label for label, file in found.items() if is_pool_worker(file)} for found in self.files]
        for label in sorted((self.files[0].keys() - workers[0]) & (self.files[1].keys() - workers[1])):
            self._add(label)
        a, b = (
            [Reader(files[label], label) for label in sorted(found)]
            for files, found in zip(self.files, workers, strict=True)
        )
        self.pool.read(a, b)

    def _add(self, label: str) -> None:
        if label not in self.processes:
            a, b = (Reader(files.get(label, path), label) for files, path in zip(self.files, self.paths, strict=True))
            self.processes[label] = _Process(a, b)

    def parted(self) -> bool:
        """Whether it is certain already where the runs part."""
        try:
            self.read()
        except BadTrace:
            return False
        if all(process.first is None for process in self.processes.values()):
            return False
        result = compare(*self._traces())
        return result.divergence is not None and self._certain(result.divergence)

    def _certain(self, divergence: TraceDivergence) -> bool:
        """Whether enough came after a divergence."""
        if divergence.control or divergence.event.a.process:
            return False
        sides = zip(self.processes[MAIN].readers, (divergence.event.a, divergence.event.b), strict=True)
        return all(reader.last > event.number + ENOUGH for reader, event in sides)

    def beyond(self, ended: int) -> bool:
        """Whether the other run is well past the last event of one that has ended: nothing more can be compared."""
        if MAIN not in self.processes:
            return False
        readers = self.processes[MAIN].readers
        return readers[1 - ended].last > readers[ended].last + LEAD

    def comparison(self) -> TraceComparison:
        """Read to the end and compare.

        Raises:
            BadTrace: a trace is missing, or is none.
        """
        self.read(final=True)
        for process in self.processes.values():
            for reader in process.readers:
                reader.require()
        a, b = self._traces()
        for side, (path, trace, workers) in enumerate(zip(self.paths, (a, b), self.pool.traces, strict=True)):
            trace.children |= workers
            self._add_alone(self.files[side], trace)
            if path in self.stopped and not trace.end:
                trace.end = STOPPED
        found = self.pool.divergence()
        result = compare(a, b, [found] if found else [])
        result.compared = sum(process.compared for process in self.processes.values()) + self.pool.compared
        for tally in (*(process.uncompared for process in self.processes.values()), self.pool.uncompared):
            result.uncompared.update(tally)
        for kinds in (*(process.kinds for process in self.processes.values()), self.pool.kinds):
            result.kinds.update(kinds)
        return result

    def _traces(self) -> tuple[Trace, Trace]:
        a, b = self.processes[MAIN].traces()
        for label, process in self.processes.items():
            if label != MAIN:
                a.children[label], b.children[label] = process.traces()
        return a, b

    def _add_alone(self, files: Mapping[str, Path], trace: Trace) -> None:
        """Read processes that only one run has, for the audit; nothing can be held against them."""
        for label in sorted(files.keys() - trace.children.keys()):
            trace.children[label], flows = read_audit(files[label], label)
            trace.children[label].alone = flows
