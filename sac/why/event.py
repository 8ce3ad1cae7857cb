"""What a trace holds: events, and what was done to files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sac.why.tracer.place import Place

MAIN = ""
"""Label of the process that a run begins with."""

NOWHERE = Place("?", 0, "?", 0, False, False)


@dataclass(frozen=True)
class Event:
    """One event, as `tracer.recorder` describes them; a source if `source` says so."""

    process: str
    number: int
    kind: str
    name: str
    place: Place
    occurrence: int
    parent: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    values: Mapping[str, list[dict[str, Any]]]
    facts: Mapping[str, Any]
    time: float
    source: bool
    shown: str
    uncompared: tuple[tuple[str, str], ...] = ()
    """Parts of inputs and outputs that could not be read, as (path, type)."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What the same event has in another run: kind, the user's lines on the way, count of its likes there."""
        place = self.place
        return self.process, self.kind, self.name, place.file, place.line, place.chain, self.occurrence

    @property
    def title(self) -> str:
        """What happened, in a few words."""
        owner = next((str(self.facts[name]) for name in ("module", "optimizer", "env") if name in self.facts), "")
        count = f", occurrence {self.occurrence} there" if self.occurrence > 1 else ""
        return f"{self.name}{f' of {owner}' if owner else ''}{count}"

    @property
    def described(self) -> str:
        """What happened, and where."""
        process = f" in child process {self.process}" if self.process else ""
        return f"{self.kind} ({self.title}) at {self.place.file}:{self.place.line}{process}"


class Started(NamedTuple):
    """A program that a process has started: its number, its command line, and the line that did it."""

    pid: int
    arguments: tuple[str, ...]
    place: Place


class Touch(NamedTuple):
    """What one process did to a file first: `write`, `read`, `share` (both), or made or removed it as a `folder`."""

    how: str
    place: Place
    time: float
