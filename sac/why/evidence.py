"""What a cause is recognised by: where two runs part, what could have made the difference, and both traces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

from sac.why.compare import Pair, Parting
from sac.why.event import Event
from sac.why.shared_file import Shared
from sac.why.trace import Trace


@dataclass(frozen=True)
class Evidence:
    """What a cause is recognised by.

    Attributes:
        parting: where the runs part.
        source: the source from which the difference can have come, if one is known to reach the event.
        a: the first run's trace.
        b: the second's.
        shared: the file by which one run can have disturbed the other, if there is one.
    """

    parting: Parting
    source: Pair | None
    a: Trace
    b: Trace
    shared: Shared | None = None

    @property
    def event(self) -> Event:
        """The event, as the first run has it."""
        return self.parting.event.a

    @property
    def outer(self) -> Event:
        """The script's event that it lies in, or itself."""
        return self.parting.outer.a

    def source_is(self, *kinds: str) -> bool:
        """Whether the difference can have come from a source of these kinds."""
        return self.source is not None and self.source.a.kind in kinds

    def draws(self, *, seeded: bool) -> bool:
        """Whether the event draws from a generator that somebody has seeded, or nobody."""
        return self.event.kind == "draw" and bool(self.event.facts.get("seeded", True)) == seeded

    def is_global(self) -> bool:
        """Whether the event's generator is a library's global one."""
        return "global" in str(self.event.facts.get("generator", ""))

    def seeded_later(self) -> bool:
        """Whether somebody seeds the event's generator afterwards."""
        generator = self.event.facts.get("generator")
        return any(
            flow.kind == "seed" and flow.facts.get("generator") == generator and flow.number > self.event.number
            for flow in self.a.flows
        )

    def moved_by(self) -> Event | None:
        """Return the draw that moved the event's generator on in one run, while the other run did something else."""
        unlike = self.parting.event.inputs
        names = {str(self.event.facts.get("generator"))} if "generator" in unlike or self.parting.control else set()
        names |= {name for name in unlike if "global generator" in name}
        a, b = ([flow for flow in trace.flows if flow.facts.get("generator") in names] for trace in (self.a, self.b))
        pair = next(
            (pair for pair in zip_longest(a, b) if not (pair[0] and pair[1] and pair[0].key == pair[1].key)), ()
        )
        # Of two draws that come at the same turn, the rarer one is the interloper.
        counts = Counter(flow.place for flow in (*a, *b))
        found = [one for one in pair if one is not None and one.kind != "seed"]
        return min(found, key=lambda one: counts[one.place], default=None)

    def thread_event(self) -> Event | None:
        """Return the last flow event of a thread beside the main one before the runs part."""
        found = [flow for flow in self.a.flows if "thread" in flow.facts and flow.number < self.event.number]
        return max(found, key=lambda flow: flow.number, default=None)

    def threads(self) -> tuple[str, str]:
        """Return the thread counts of both runs, as far as they show."""
        pair = self.parting.event
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "cores")
        found = []
        for trace, event in ((self.a, pair.a), (self.b, pair.b)):
            seen = trace.header.get("environment", {})
            found.append(str(event.facts.get("threads") or [seen.get(name) for name in names]))
        return found[0], found[1]
