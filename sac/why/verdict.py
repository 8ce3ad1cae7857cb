"""From a comparison to a verdict: the line, the values, what ran before, the cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sac.why.causes import CAUSES, UNKNOWN, Cause
from sac.why.compare import Pair, TraceComparison
from sac.why.event import Event
from sac.why.evidence import Evidence, evidence_of, one_ended
from sac.why.frame import Frame, frames_of
from sac.why.numeric_difference import NumericDifference, numeric_difference
from sac.why.search import Proof, Search
from sac.why.suggestion import suggest
from sac.why.suspect import GLOBALS, PRINTED
from sac.why.suspects import suspects_of
from sac.why.tracer.place import Place

MOST_SUSPECTS = 8
"""Suspects, and sources that differ too, that an answer lists."""


@dataclass(frozen=True)
class WhyVerdict:
    """Where two runs part, and why.

    Attributes:
        cause: entry of the catalogue.
        place: the line to be mended.
        evidence: what it rests on.
        differences: how far the values are apart.
        frames: code around the line to be mended, then around the event's, if that is another.
        search: the suspects, and what was proved of them.
        suggestion: code that can be pasted.
    """

    cause: Cause
    place: Place
    evidence: Evidence
    differences: tuple[NumericDifference, ...]
    search: Search
    frames: tuple[Frame, ...] = ()
    suggestion: tuple[str, ...] = ()

    @property
    def proof(self) -> Proof | None:
        """The proof of the cause; None for what was only seen."""
        return self.search.proof

    @property
    def what(self) -> str:
        """In which event the runs part, and whether its inputs were equal."""
        divergence = self.evidence.divergence
        event = self.event.described
        if self.event.kind == PRINTED:
            return "no event differs, but what the runs printed does"
        if divergence.control:
            return f"first event that only one run has: {event}"
        if divergence.inputs_equal:
            return f"first event with equal inputs and other outputs: {event}"
        unlike = ", ".join(divergence.event.inputs)
        return f"first event that differs: {event}; its inputs differ already ({unlike}), no earlier event does"

    @property
    def event(self) -> Event:
        """The event at which the runs part."""
        return self.evidence.event

    @property
    def source(self) -> Pair | None:
        """What came from outside, if that is the cause; with the values of both runs."""
        return None if self.proof is None else self.proof.suspect.source

    @property
    def possible(self) -> tuple[Pair, ...]:
        """Sources that differ too, one for each line."""
        source = self.source
        sources = [pair for pair in self.evidence.divergence.sources if pair is not source]
        return tuple({pair.a.place: pair for pair in sources}.values())[:MOST_SUSPECTS]

    def to_json(self) -> dict[str, Any]:
        """The verdict as an object for scripts."""
        source = self.source
        divergence, proof = self.evidence.divergence, self.proof
        return {
            "cause": self.cause.name,
            "title": self.cause.title,
            "why": self.cause.why,
            "fix": self.cause.fix,
            "suggestion": list(self.suggestion),
            "proved": proof is not None,
            "proof": None if proof is None else {"text": proof.text, "gained": proof.gained, "whole": proof.whole},
            "suspects": [one.to_json() for one in self.search.suspects[:MOST_SUSPECTS]],
            "interventions": self.search.spent,
            "link": self.cause.link,
            "link_label": self.cause.link_label,
            "file": self.place.file,
            "line": self.place.line,
            "function": self.place.function,
            "frames": [frame.to_json() for frame in self.frames],
            "what": self.what,
            "event": _event_json(self.event),
            "outer": _event_json(divergence.outer.a),
            "shared": None if self.evidence.shared is None else self.evidence.shared.to_json(),
            "source": None if source is None else {**_event_json(source.a), "a": source.a.shown, "b": source.b.shown},
            "inputs_equal": divergence.inputs_equal,
            "differing_inputs": list(divergence.event.inputs),
            "values": [one._asdict() for one in self.differences],
            "figures": [f"{one.path}: {one.text}" for one in self.differences],
            "before": [_event_json(one) for one in divergence.before],
            "only_in_one_run": [_event_json(one) for one in divergence.alone[:20]],
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


def judge(comparison: TraceComparison, search: Search | None = None) -> WhyVerdict | None:
    """Return the verdict on two runs; None if they are equal.

    Args:
        comparison: of the runs.
        search: what running again has shown; without it, nothing is proved, and suspects are named as such.
    """
    if comparison.divergence is None:
        return None
    looked_at = comparison if search is None or search.comparison.divergence is None else search.comparison
    divergence = looked_at.divergence
    assert divergence is not None
    evidence = evidence_of(looked_at, divergence)
    search = search or Search(suspects_of(evidence), looked_at)
    cause, place = _cause(evidence, search)
    frames = frames_of(evidence.root, place, divergence.event.a.place)
    unseeded = search.proof.suspect.generator if search.proof else ""
    moved = next(iter({str(evidence.event.facts.get("generator")), *divergence.event.inputs} & set(GLOBALS)), "")
    suggestion = suggest(cause.name, evidence.code(place), unseeded, moved)
    return WhyVerdict(cause, place, evidence, tuple(_differences(divergence.event)), search, frames, suggestion)


def _cause(evidence: Evidence, search: Search) -> tuple[Cause, Place]:
    """Return the cause that is proved, or what was seen, and its line."""
    if evidence.shared is not None:
        return CAUSES["shared-file"], max(evidence.shared.touches, key=lambda touch: touch.time).place
    if search.proof is not None:
        return CAUSES[search.proof.suspect.cause], search.proof.suspect.place
    if evidence.failed and one_ended(evidence):
        return CAUSES["one-run-ended"], evidence.event.place
    return UNKNOWN, evidence.outer_place


def _differences(pair: Pair) -> Iterable[NumericDifference]:
    """Return how far the outputs of an event are apart."""
    for name in pair.outputs:
        found = numeric_difference(name, pair.a.values.get(name, []), pair.b.values.get(name, []))
        if found is not None:
            yield found
