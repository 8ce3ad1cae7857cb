"""The workers of pools: a race decides which of them gets which task, so their events are compared without order.

Each event of one run's workers must have its like, with equal inputs and outputs, in some worker of the other run. What
a task takes over from the task before it (the state of a global generator) is an input, and so the race shows where it
matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sac.why.compare import Pair, TraceDivergence, Uncompared, count_uncompared, sources_of
from sac.why.event import Event
from sac.why.trace import Reader, Trace

_MARK = b'\n{"pool": 1}\n'
MOST = 10_000
"""Events without their like that are remembered."""


def is_pool_worker(path: Path) -> bool:
    """Whether a trace is that of a pool's worker: its first lines say so."""
    with path.open("rb") as file:
        return _MARK in file.read(1 << 16)


class Pool:
    """All workers of pools in two runs."""

    def __init__(self) -> None:
        self.traces: tuple[dict[str, Trace], dict[str, Trace]] = ({}, {})
        self.compared = 0
        self.uncompared: Counter[Uncompared] = Counter()
        self.kinds: Counter[str] = Counter()
        self._left: tuple[dict[object, list[Event]], dict[object, list[Event]]] = ({}, {})
        self._waiting = 0
        self._full = False

    def read(self, a: Iterable[Reader], b: Iterable[Reader]) -> None:
        """Read the workers of both runs to their ends, in turns."""
        open_ones = [(side, reader) for side, readers in enumerate((a, b)) for reader in readers]
        for side, reader in open_ones:
            self.traces[side][reader.process] = reader.trace
        while open_ones:
            going = []
            for side, reader in open_ones:
                events = reader.read()
                for event in events or ():
                    self._take(side, reader.trace, event)
                going += [(side, reader)] if events is not None else []
            open_ones = going

    def _take(self, side: int, trace: Trace, event: Event) -> None:
        if event.source:
            trace.sources.append(event)
            return
        count_uncompared(self.uncompared, event)
        like = (_where(event), tuple(event.inputs.items()), tuple(event.outputs.items()))
        others = self._left[1 - side].get(like)
        if others:
            others.pop()
            self.compared += 1
            self.kinds[event.kind] += 1
            self._waiting -= 1
            if not others:
                del self._left[1 - side][like]
        elif self._waiting < MOST:
            self._waiting += 1
            self._left[side].setdefault(like, []).append(event)
        else:
            place = event.place
            what = f"{event.name} in workers, more than {MOST} of them without their like,"
            self.uncompared[Uncompared(event.kind, place.file, place.line, what)] += 1
            self._full = True

    def divergence(self) -> TraceDivergence | None:
        """Return the first event in time that has no like in the other run."""
        if self._full:
            # Of those that were let go, the likes are left now.
            return None
        left = [
            sorted((one for ones in side.values() for one in ones), key=lambda one: one.time) for side in self._left
        ]
        if not any(left):
            return None
        own, other = (0, 1) if left[0] else (1, 0)
        event = left[own][0]
        alike = [one for one in left[other] if _where(one) == _where(event)]
        same = next((one for one in alike if one.inputs == event.inputs), alike[0] if alike else None)
        pair = Pair(event, same or event)
        if own == 1 and same is not None:
            pair = Pair(same, event)
        a, b = (self.traces[side].get(one.process) for side, one in enumerate((pair.a, pair.b)))
        sources = tuple(sources_of(a, b, pair)) if a is not None and b is not None else ()
        return TraceDivergence(pair, pair, sources=sources, control=same is None)


def _where(event: Event) -> tuple[object, ...]:
    place = event.place
    return event.kind, event.name, place.file, place.line, place.chain
