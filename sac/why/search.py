"""What the search for a cause has found so far: suspects, a proof, and where the runs part."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sac.why.compare import Pair, TraceComparison, TraceDivergence, sources_of
from sac.why.event import NOWHERE, Event
from sac.why.suspect import PRINTED, Suspect


@dataclass(frozen=True)
class Proof:
    """That a suspect is the cause.

    Attributes:
        suspect: what was forced; the likeliest, where several were.
        others: what was forced with it.
        gained: events for which the runs are equal beyond the place where they parted.
        whole: whether they are equal to their ends.
        again: the comparison of the forced runs.
    """

    suspect: Suspect
    others: tuple[Suspect, ...]
    gained: int
    whole: bool
    again: TraceComparison

    @property
    def text(self) -> str:
        """What was done, and what came of it."""
        more = f" and {len(self.others)} more" if self.others else ""
        far = "to the end" if self.whole else f"for {self.gained:,} more events"
        return f"forced {self.suspect.what}{more}: the runs are equal {far}"


@dataclass
class Search:
    """The search for the cause of one divergence.

    Attributes:
        suspects: all of them, the likeliest first.
        comparison: of the runs that were looked at closely last.
        proof: the proof, if there is one.
        innocent: suspects whose forcing moved nothing.
        spent: interventions that were made.
        by_itself: by how many events the runs part later with nothing forced; None as long as nobody has tried.
    """

    suspects: list[Suspect]
    comparison: TraceComparison
    proof: Proof | None = None
    innocent: list[Suspect] = field(default_factory=list)
    spent: int = 0
    by_itself: float | None = None

    @property
    def divergence(self) -> TraceDivergence:
        """The divergence; there is one wherever something is suspected."""
        assert self.comparison.divergence is not None
        return self.comparison.divergence


def as_divergence(comparison: TraceComparison) -> TraceComparison:
    """Return a comparison of runs that printed other words, with the end of what they did as the place."""
    a = comparison.a
    number = 1 + max((one.number for one in (*a.flows, *a.sources)), default=0)
    time_ = max((one.time for trace in a.processes for one in (*trace.flows, *trace.sources)), default=0.0)
    last = max(comparison.a.flows, key=lambda flow: flow.number, default=None)
    place = NOWHERE if last is None else last.place
    event = Event("", number, PRINTED, "output", place, 1, 0, {}, {}, {}, {}, time_, False, "")
    pair = Pair(event, event)
    sources = tuple(sources_of(comparison.a, comparison.b, pair))
    return replace(comparison, divergence=TraceDivergence(pair, pair, sources=sources, control=True))
