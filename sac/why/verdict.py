"""From a comparison to a verdict: the line, the values, what ran before, the cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.why.causes import Cause, recognise
from sac.why.compare import Comparison, Pair, Parting
from sac.why.event import Event
from sac.why.evidence import Evidence
from sac.why.figures import Figures, figures
from sac.why.frame import Frame, frames_of
from sac.why.reachability import can_reach
from sac.why.trace import Trace
from sac.why.tracer.place import Place


@dataclass(frozen=True)
class Verdict:
    """Where two runs part, and why.

    Attributes:
        cause: entry of the catalogue.
        place: the line to be mended.
        evidence: what it rests on.
        figures: how far the values are apart.
        possible: sources that differ, but aren't known to reach the event.
        frames: code around the line to be mended, then around the event's, if that is another.
    """

    cause: Cause
    place: Place
    evidence: Evidence
    figures: tuple[Figures, ...]
    possible: tuple[Pair, ...]
    frames: tuple[Frame, ...] = ()

    @property
    def what(self) -> str:
        """In which event the runs part, and whether its inputs were equal."""
        parting = self.evidence.parting
        event = self.event.described
        if parting.control:
            return f"first event that only one run has: {event}"
        if parting.inputs_equal:
            return f"first event with equal inputs and other outputs: {event}"
        unlike = ", ".join(parting.event.inputs)
        return f"first event that differs: {event}; its inputs differ already ({unlike}), no earlier event does"

    @property
    def event(self) -> Event:
        """The event at which the runs part."""
        return self.evidence.event

    def to_json(self) -> dict[str, Any]:
        """The verdict as an object for scripts."""
        source = self.evidence.source
        parting = self.evidence.parting
        return {
            "cause": self.cause.name,
            "title": self.cause.title,
            "why": self.cause.why,
            "fix": self.cause.fix,
            "link": self.cause.link,
            "link_label": self.cause.link_label,
            "file": self.place.file,
            "line": self.place.line,
            "function": self.place.function,
            "frames": [frame.to_json() for frame in self.frames],
            "what": self.what,
            "event": _event_json(self.event),
            "outer": _event_json(parting.outer.a),
            "shared": None if self.evidence.shared is None else self.evidence.shared.to_json(),
            "source": None if source is None else {**_event_json(source.a), "a": source.a.shown, "b": source.b.shown},
            "inputs_equal": parting.inputs_equal,
            "differing_inputs": list(parting.event.inputs),
            "values": [one._asdict() for one in self.figures],
            "figures": [f"{one.path}: {one.text}" for one in self.figures],
            "before": [_event_json(one) for one in parting.before],
            "only_in_one_run": [_event_json(one) for one in parting.alone[:20]],
            "possible_sources": [_event_json(pair.a) for pair in self.possible],
        }


def _event_json(event: Event) -> dict[str, Any]:
    place = event.place
    return {
        "kind": event.kind,
        "name": event.name,
        "file": place.file,
        "line": place.line,
        "occurrence": event.occurrence,
        "process": event.process or "main",
        "text": event.described,
    }


def judge(comparison: Comparison) -> Verdict | None:
    """Return the verdict on two runs; None if they are equal."""
    parting = comparison.parting
    if parting is None:
        return None
    root = Path(str(comparison.a.header.get("root", ".")))
    source = _reaching_source(parting, root)
    evidence = Evidence(parting, source, *_processes(comparison, parting), comparison.disturbed)
    cause = recognise(evidence)
    possible = tuple({pair.a.place: pair for pair in parting.sources if pair is not source}.values())
    place = _place(cause, evidence)
    frames = frames_of(root, place, parting.event.a.place)
    return Verdict(cause, place, evidence, tuple(_figures(parting.event)), possible[:8], frames)


def _processes(comparison: Comparison, parting: Parting) -> tuple[Trace, Trace]:
    """Return the traces of the process in which the runs part."""
    label = parting.event.a.process
    a, b = comparison.a, comparison.b
    return a.children.get(label, a), b.children.get(label, b)


def _reaching_source(parting: Parting, root: Path) -> Pair | None:
    """Return the source from which the difference can have come: within the event, or by names; the nearest first."""
    event = parting.event.a
    targets = {event.place, parting.outer.a.place}
    for pair in parting.sources:
        inside = pair.a.parent in (event.number, parting.outer.a.number)
        if inside or any(_reaches(pair.a.place, target, root) for target in targets):
            return pair
    return None


def _reaches(source: Place, target: Place, root: Path) -> bool:
    """Whether a value can have come from one place to another."""
    return source.file == target.file and can_reach(root / source.file, source.line, target.line)


def _place(cause: Cause, evidence: Evidence) -> Place:
    """Return the line that the cause is to be mended in."""
    moved = evidence.moved_by()
    if cause.at == "source" and evidence.source is not None:
        return evidence.source.a.place
    if cause.at == "moved" and moved is not None:
        return moved.place
    thread = evidence.thread_event()
    if cause.at == "thread" and thread is not None:
        return thread.place
    if cause.at == "shared" and evidence.shared is not None:
        return max(evidence.shared.touches, key=lambda touch: touch.time).place
    # A place in brackets is a library's: the user's own line says more.
    outer = cause.at == "outer" and not evidence.outer.place.file.startswith("<")
    return evidence.outer.place if outer else evidence.event.place


def _figures(pair: Pair) -> Iterable[Figures]:
    """Return how far the outputs of an event are apart."""
    for name in pair.outputs:
        found = figures(name, pair.a.values.get(name, []), pair.b.values.get(name, []))
        if found is not None:
            yield found
