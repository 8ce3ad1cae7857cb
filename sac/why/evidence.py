"""What is known of where two runs part: the event, what it lies in, and both traces of its process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, zip_longest
from pathlib import Path

from sac.untrusted.file import Unreadable, source_lines
from sac.why.compare import Pair, TraceComparison, TraceDivergence
from sac.why.event import Event
from sac.why.reachability import becomes_seed, can_reach, decides
from sac.why.shared_file import Shared
from sac.why.trace import Trace
from sac.why.tracer.place import Place

BACKWARD = 20
"""Lines above an optimizer's step in which its backward pass is looked for."""

BY_TURNS = 2
"""Turns of threads that are no race: one makes the network, another one trains it."""


@dataclass(frozen=True)
class Evidence:
    """What a cause is looked for in.

    Attributes:
        divergence: where the runs part.
        a: the first run's trace of that process.
        b: the second's.
        root: folder of the user's own files.
        shared: the file by which one run can have disturbed the other, if there is one.
        failed: whether one of the runs ended with an error.
    """

    divergence: TraceDivergence
    a: Trace
    b: Trace
    root: Path
    shared: Shared | None = None
    failed: bool = False
    runs: tuple[Trace, ...] = ()
    """Both runs' traces of the main process."""
    served: Event | None = None
    """What the main process waited for, where the runs part in a worker of its vector of environments."""

    @property
    def event(self) -> Event:
        """The event, as the first run has it."""
        return self.divergence.event.a

    @property
    def outer(self) -> Event:
        """The script's event that it lies in, or itself."""
        return self.divergence.outer.a

    @property
    def outer_place(self) -> Place:
        """The line of the outer event; a place in brackets is a library's, and the user's own line says more."""
        return self.event.place if self.outer.place.file.startswith("<") else self.outer.place

    @property
    def pooled(self) -> bool:
        """Whether the event is one of a pool's worker."""
        return self.a.pool or self.b.pool

    def seeded_later(self, generator: str) -> bool:
        """Whether somebody seeds a global generator after the event."""
        return any(
            flow.kind == "seed" and flow.facts.get("generator") == generator and flow.number > self.event.number
            for flow in self.a.flows
        )

    def seeded_before(self, generator: str) -> bool:
        """Whether somebody has seeded a global generator before the event."""
        return self.a.seeded.get(generator, self.event.number) < self.event.number

    @cached_property
    def drawn(self) -> frozenset[str] | None:
        """Return the global generators that moved unseeded in any process; None where a process can't tell."""
        found = [one.drawn for trace in self.runs for one in trace.processes]
        return None if None in found else frozenset[str]().union(*filter(None, found))

    def sources_beside(self, source: Event) -> Sequence[Event]:
        """Return what the first run's process of a source has reached: it may be a child of that of the event."""
        children = self.runs[0].children if self.runs else {}
        return children.get(source.process, self.a).sources

    def in_condition(self, source: Event) -> bool:
        """Whether the call that reached a source stands in a condition or a key: it decides, and gives no number."""
        return decides(self.root / source.place.file, source.place.line, _callers(source))

    def is_called_seed(self, source: Event) -> bool:
        """Whether the line that reached a source hands its value on as a seed: to a library that draws unseen."""
        return becomes_seed(self.root / source.place.file, source.place.line, _callers(source))

    @property
    def seeds(self) -> bool:
        """Whether the event takes a seed, or is the first to draw from a generator that was made with one."""
        resets = self.event.kind in ("env.reset", "vector.reset") and "seed" in self.divergence.event.inputs
        return self.event.kind == "seed" or resets or self._made_unlike

    @property
    def _made_unlike(self) -> bool:
        """Whether a generator of the script's own has had another state since it was made: it was seeded unseen."""
        event = self.event
        if not (event.facts.get("object") and event.facts.get("seeded")):
            return False
        before = (flow for flow in self.a.flows if flow.number < event.number)
        unlike = self.divergence.event.inputs
        return unlike == ("generator",) and all(generator_of(flow) != generator_of(event) for flow in before)

    @cached_property
    def moved_by(self) -> Event | None:
        """The draw that moved the event's generator on in one run, while the other run did something else."""
        unlike = self.divergence.event.inputs
        names = {generator_of(self.event)} if "generator" in unlike else set()
        names |= {name for name in unlike if "global generator" in name}
        a, b = (_users(self.a, names, self.event.number), _users(self.b, names, self.divergence.event.b.number))
        pair = next(
            (pair for pair in zip_longest(a, b) if not (pair[0] and pair[1] and pair[0].key == pair[1].key)), ()
        )
        # Of two draws that come at the same turn, the rarer one is the interloper.
        counts = Counter(flow.place for flow in (*a, *b))
        found = [one for one in pair if one is not None and one.kind != "seed"]
        return min(found, key=lambda one: counts[one.place], default=None)

    @property
    def computed(self) -> bool:
        """Whether networks were computed from equal inputs: gradients that alone differ come from a backward pass."""
        divergence = self.divergence
        by_gradients = self.event.kind == "optimizer.step" and divergence.event.inputs == ("gradients",)
        networks = self.event.kind in ("module.forward", "optimizer.step")
        return networks and (divergence.inputs_equal or (by_gradients and not divergence.control))

    @property
    def computed_at(self) -> Place:
        """The line that computed what differs first: the event's, or the backward pass above an optimizer's step."""
        place = self.event.place
        if self.divergence.inputs_equal:
            return place
        above = range(place.line, max(0, place.line - BACKWARD), -1)
        line = next((one for one in above if ".backward(" in self.code(place._replace(line=one))), place.line)
        return place._replace(line=line)

    def drawing_threads(self) -> int:
        """Return how many threads use the generator of which the event has another state, or that it draws from."""
        event = self.event
        if event.kind == "draw" and event.facts.get("generator"):
            names = {generator_of(event)}
            flows = [flow for trace in (self.a, self.b) for flow in trace.flows if generator_of(flow) in names]
            return len({_thread_of(flow) for flow in flows if flow.kind == "draw"})
        return len(set(self._turns)) if len(self._turns) > BY_TURNS else 1

    @cached_property
    def _turns(self) -> list[str]:
        """The threads that moved what the event has another state of, in their turns, of the run with more of them."""
        found = []
        for trace in (self.a, self.b):
            users = (flow for flow in _users(trace, self._moved) if flow.kind != "seed")
            found.append([name for name, _ in groupby(map(_thread_of, users))])
        return max(found, key=len)

    @property
    def racing_draw(self) -> Event:
        """The event, if it draws; else the nearest one of another thread that moved the generator."""
        event = self.event
        if event.kind == "draw":
            return event
        others = [flow for flow in _users(self.a, self._moved) if _thread_of(flow) != _thread_of(event)]
        return min(others, key=lambda flow: abs(flow.number - event.number), default=event)

    @property
    def _moved(self) -> set[str]:
        """The global generators of which the event has another state."""
        return {name for name in self.divergence.event.inputs if "global generator" in name}

    @property
    def racing_processes(self) -> Place | None:
        """The line that started processes to be at work at once; None if there was none."""
        found = (one.racing.get("processes") for trace in self.runs for one in trace.processes)
        return next(filter(None, found), None)

    def thread_event(self) -> Event | None:
        """Return the last flow event of a thread beside the main one before the runs part."""
        found = [flow for flow in self.a.flows if "thread" in flow.facts and flow.number < self.event.number]
        return max(found, key=lambda flow: flow.number, default=None)

    def threads(self) -> tuple[str, str]:
        """Return the thread counts of both runs, as far as they show."""
        pair = self.divergence.event
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "cores")
        found = []
        for trace, event in ((self.a, pair.a), (self.b, pair.b)):
            seen = trace.header.get("environment", {})
            found.append(str(event.facts.get("threads") or [seen.get(name) for name in names]))
        return found[0], found[1]

    def inside(self, pair: Pair) -> bool:
        """Whether a source was reached within the event."""
        numbers = (self.event.number, self.outer.number)
        return pair.a.process == self.event.process and pair.a.parent in numbers

    def reaches(self, source: Place) -> bool:
        """Whether a value can have come from a line to the event's, judged by the names in their file."""
        targets = (self.event.place, self.outer.place, *(event.place for event in self.divergence.alone[:3]))
        return any(
            source.file == target.file and can_reach(self.root / source.file, source.line, target.line)
            for target in targets
        )

    def code(self, place: Place) -> str:
        """Return a line of code; empty if it can't be read."""
        try:
            lines = source_lines(self.root / place.file)
        except Unreadable:
            return ""
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


def _callers(source: Event) -> tuple[str, ...]:
    """Return the names of the functions by which a source was reached."""
    return source.name, *(name.rpartition(":")[2] for name in source.facts.get("via", ()))


def generator_of(event: Event) -> str:
    """Return what tells the generator of an event from others: its name, and its number if it is the script's own."""
    name, which = event.facts.get("generator"), event.facts.get("which")
    return f"{name}" if which is None else f"{name} {which}"


def _thread_of(event: Event) -> str:
    return str(event.facts.get("thread", "main"))


def _users(trace: Trace, names: set[str], end: float = float("inf")) -> Sequence[Event]:
    """Return the events of a trace up to one of them that used one of these generators."""
    return [
        flow
        for flow in trace.flows
        if flow.number <= end and (generator_of(flow) in names or names & set(flow.facts.get("moved", ())))
    ]


def evidence_of(comparison: TraceComparison, divergence: TraceDivergence) -> Evidence:
    """Return what is known of where two runs part."""
    label = divergence.event.a.process
    a, b = (trace.children.get(label, trace) for trace in (comparison.a, comparison.b))
    root = Path(str(comparison.a.header.get("root", ".")))
    served = _served(comparison, divergence) if label else None
    runs = (comparison.a, comparison.b)
    return Evidence(divergence, a, b, root, comparison.disturbed, comparison.failed, runs, served)


def _served(comparison: TraceComparison, divergence: TraceDivergence) -> Event | None:
    """Return the event of the main process's environments that a worker's event belongs to.

    A vector waits for its workers, unless it steps its environments itself. A single environment may be one of the
    main process's own, as for evaluation: it waits for the worker only where nothing else was done meanwhile.
    """
    end = divergence.event.a.time
    later = sorted((flow for flow in comparison.a.flows if flow.time >= end), key=lambda flow: flow.time)
    nearest = later[0] if later and later[0].kind in ("env.reset", "env.step") else None
    alone = {flow.parent for flow in comparison.a.flows if flow.kind in ("env.reset", "env.step")}
    waiting = (flow for flow in later if flow.kind in ("vector.reset", "vector.step") and flow.number not in alone)
    return nearest or next(waiting, None)


def one_ended(evidence: Evidence) -> bool:
    """Whether one run did nothing more, where the other one went on."""
    alone = evidence.divergence.alone
    if not evidence.divergence.control or not alone:
        return False
    keys = [{flow.key for flow in trace.flows} for trace in (evidence.a, evidence.b)]
    own, other = (0, 1) if alone[0].key in keys[0] else (1, 0)
    later = (evidence.a, evidence.b)[own].flows
    return not any(flow.number > alone[0].number and flow.key in keys[other] for flow in later)
