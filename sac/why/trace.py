"""Reads traces: those of a process and of the processes that it started."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sac.why.place import Place
from sac.why.record import VERSION

MAIN = ""
NOWHERE = Place("?", 0, "?", 0, False, False)


class BadTrace(ValueError):
    """A file isn't a trace that can be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Event:
    """One event, as `record` describes them; a source if `source` says so."""

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


@dataclass
class Trace:
    """What one process wrote, and under `children` what those that it started did."""

    path: Path
    header: dict[str, Any]
    flows: list[Event] = field(default_factory=list)
    sources: list[Event] = field(default_factory=list)
    end: str = ""
    children: dict[str, Trace] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the process ran to its own end while it was traced."""
        return self.end == "end"

    def parent_of(self, event: Event) -> Event | None:
        """Return the flow event that an event lies in."""
        return next((flow for flow in self.flows if flow.number == event.parent), None) if event.parent else None

    @property
    def all_sources(self) -> Iterator[Event]:
        """Return the sources of the process and of its children."""
        yield from self.sources
        for child in self.children.values():
            yield from child.sources


def read_trace(path: Path | str) -> Trace:
    """Read a trace and those of its process's children; an unfinished last line is left out.

    Raises:
        BadTrace: the file is missing or isn't a trace.
    """
    path = Path(path)
    trace = _read_one(path, MAIN)
    for name in sorted(glob.glob(glob.escape(str(path)) + ".*")):
        label = name[len(str(path)) :]
        if Path(name).stat().st_size:
            trace.children[label] = _read_one(Path(name), label)
    return trace


def _read_one(path: Path, process: str) -> Trace:
    """Read the trace of one process."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadTrace(f"{path}: can't read the trace: {error.strerror}") from error
    entries = _parse(path, lines)
    header = next(entries, None)
    if header is None or header.get("trace") != VERSION:
        raise BadTrace(
            f'{path}: expected a trace that begins with {{"trace": {VERSION}, ...}}: write one by `sac trace`'
        )
    trace = Trace(path, header)
    places: dict[int, Place] = {}
    for entry in entries:
        if "place" in entry:
            number = entry.pop("place")
            places[number] = Place(**entry)
        elif "end" in entry:
            trace.end = entry["end"]
        else:
            event = _event(entry, process, places)
            (trace.sources if event.source else trace.flows).append(event)
    trace.flows.sort(key=lambda event: event.number)
    return trace


def _parse(path: Path, lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Parse the lines; only the last may be unfinished, that of a process that was killed."""
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line) if line else None
        except ValueError as error:
            if number == len(lines):
                return
            raise BadTrace(f"{path}:{number}: expected a JSON object, found {line[:60]!r}") from error
        if isinstance(entry, dict):
            yield entry


def _event(entry: dict[str, Any], process: str, places: dict[int, Place]) -> Event:
    """Return one line as an event."""
    return Event(
        process=process,
        number=entry["n"],
        kind=entry["k"],
        name=entry["f"],
        place=places.get(entry["at"], NOWHERE),
        occurrence=entry["c"],
        parent=entry.get("p", 0),
        inputs=entry.get("in", {}),
        outputs=entry.get("out", {}),
        values=entry.get("v", {}),
        facts=entry.get("x", {}),
        time=entry.get("t", 0.0),
        source="s" in entry,
        shown=entry.get("shown", ""),
    )
