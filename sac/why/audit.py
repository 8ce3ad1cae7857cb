"""The audit of one run: every source of entropy that it reached, and likely mistakes, counted as events come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sac.why.event import Event
from sac.why.tracer.place import Place

_KINDS = {
    "entropy": "draws from the operating system's entropy",
    "clock": "reads the clock",
    "pid": "reads the process id",
    "hash": "takes Python's hash of something else than a number",
    "id": "takes an object's address",
    "set-order": "iterates over a set",
    "listing": "reads a directory in the file system's order",
    "completion": "takes results in the order in which they are ready",
    "state": "reads the state of a generator that nobody has seeded",
    "program": "prints what a line of the script reads",
    "uninitialised": "gets memory that nobody has written",
}


@dataclass(frozen=True)
class AuditFinding:
    """One line of the audit: a source of entropy, or a likely mistake, that a run reached."""

    kind: str
    name: str
    place: Place
    count: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """The finding as an object for scripts."""
        place = {"file": self.place.file, "line": self.place.line}
        return {"kind": self.kind, "name": self.name, **place, "count": self.count, "text": self.text}


@dataclass
class Audit:
    """What one process reached: one finding for each kind and line."""

    found: dict[tuple[str, Place], AuditFinding] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Count one event in."""
        if event.source:
            self._count(event.kind, event.name, event.place, _KINDS.get(event.kind, event.kind))
            return
        facts = event.facts
        if facts.get("seeded") is False and event.kind in ("draw", "space.sample"):
            generator = facts.get("generator")
            self._count("unseeded", event.name, event.place, f"draws from {generator}, which nobody has seeded")
        if facts.get("unseeded"):
            self._count("unseeded", event.name, event.place, "seeds from the operating system's entropy")
        if facts.get("shared_seeds"):
            seeds = ", ".join(map(str, facts["shared_seeds"][:5]))
            text = f"gives several environments of one vector the same seed ({seeds})"
            self._count("shared-seed", event.name, event.place, text)

    def join(self, other: Audit) -> None:
        """Count in what another process reached."""
        for (kind, place), one in other.found.items():
            self._count(kind, one.name, place, one.text, one.count)

    def _count(self, kind: str, name: str, place: Place, text: str, times: int = 1) -> None:
        """Count more of a kind at its line."""
        place = place._replace(chain=0, aside=False, direct=False)
        seen = self.found.get((kind, place))
        self.found[kind, place] = AuditFinding(kind, name, place, times + (seen.count if seen else 0), text)
