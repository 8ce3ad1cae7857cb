"""Reads traces: those of a process and of the processes that it started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sac.errors import UserError
from sac.untrusted.fields import count, member, text
from sac.untrusted.fields import number as number_of
from sac.untrusted.file import Unreadable, open_regular
from sac.untrusted.json_text import parse
from sac.why.audit import Audit, AuditFinding
from sac.why.entry import path_text, place_of, require_event, require_header
from sac.why.event import MAIN, NOWHERE, Event, Started, Touch
from sac.why.family import children_of
from sac.why.tracer.place import Place
from sac.why.tracer.recorder import VERSION

BLOCK = 1 << 18
"""Bytes that are read of a trace at once."""


class BadTrace(UserError, ValueError):
    """A file isn't a trace that can be read; the message says what is wrong with it."""


@dataclass
class Trace:
    """What one process wrote, and under `children` what those that it started did."""

    path: Path
    header: dict[str, Any]
    flows: list[Event] = field(default_factory=list)
    sources: list[Event] = field(default_factory=list)
    end: str = ""
    children: dict[str, Trace] = field(default_factory=dict)
    audit: Audit = field(default_factory=Audit)
    pool: bool = False
    """Whether the process is a worker to which a race gives its tasks."""
    files: dict[str, list[Touch]] = field(default_factory=dict)
    """Path -> what the process did to the file, the first time of each sort."""
    seeded: dict[str, int] = field(default_factory=dict)
    """Generator -> number of the first event that seeded it with a value."""
    killed: set[int] = field(default_factory=set)
    """Processes that this one has ended."""
    started: list[Started] = field(default_factory=list)
    """Programs that it has started."""
    drawn: frozenset[str] | None = None
    """Global generators that moved while nobody had seeded them; None where the process was stopped before it told."""
    racing: dict[str, Place] = field(default_factory=dict)
    """What may come in any order, `threads`, `tasks` or `processes`, and the line that started the first of them."""
    alone: int = 0
    """Flow events of a process that the other run doesn't have."""
    let_go: int = 0
    """Flow events that were equal in the other run too, and are remembered no more."""

    @property
    def processes(self) -> tuple[Trace, ...]:
        """This process, and those that it started."""
        return self, *self.children.values()

    @property
    def complete(self) -> bool:
        """Whether the process ran to its own end while it was traced."""
        return self.end == "end"


class Reader:
    """Reads the trace of one process, as it grows, block by block; remembers no flow event itself."""

    def __init__(self, path: Path, process: str) -> None:
        self.trace = Trace(path, {})
        self.last = 0
        """Number of the last flow event that was read."""
        self.process = process
        self._places: dict[int, Place] = {}
        self._offset = self._line = 0

    def read(self) -> list[Event] | None:
        """Return the events of the next block, in the order in which they ended; None if nothing new is there.

        Raises:
            BadTrace: the file can't be read, or is no trace.
        """
        try:
            with open_regular(self.trace.path) as file:
                file.seek(self._offset)
                lines = _lines(file)
        except (OSError, Unreadable) as error:
            reason = error.reason if isinstance(error, Unreadable) else error.strerror
            raise BadTrace(f"{self.trace.path}: can't read the trace: {reason}") from error
        # The last line of a process that runs, or was killed, may be unfinished.
        whole = [line for line in lines if line.endswith(b"\n")]
        self._offset += sum(map(len, whole))
        return [event for line in whole if (event := self._take(line)) is not None] if whole else None

    def require(self) -> None:
        """Raise BadTrace for a file that holds no trace."""
        if not self.trace.header:
            raise BadTrace(_EXPECTED.format(self.trace.path))

    def _take(self, line: bytes) -> Event | None:
        """Return a line's event; None for a line that says something else.

        Raises:
            BadTrace: the line is malformed.
        """
        self._line += 1
        entry = self._parse(line)
        try:
            return self._understand(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BadTrace):
                raise
            where = f"{self.trace.path}:{self._line}"
            raise BadTrace(f"{where}: expected an event of a trace, found {line[:60]!r} ({error!r})") from error

    def _understand(self, entry: dict[str, Any]) -> Event | None:
        if not self.trace.header:
            if entry.get("trace") != VERSION:
                raise BadTrace(_EXPECTED.format(self.trace.path))
            require_header(entry)
            self.trace.header = entry
        elif "place" in entry:
            number = entry.pop("place")
            self._places[number] = place_of(entry)
        elif "pool" in entry:
            self.trace.pool = True
        elif "file" in entry:
            found = Touch(text(entry["how"]), self._places.get(entry["at"], NOWHERE), number_of(entry["t"]))
            self.trace.files.setdefault(path_text(entry["file"]), []).append(found)
        elif "end" in entry:
            self.trace.end = text(entry["end"])
            if entry.get("drawn") is not None:
                self.trace.drawn = frozenset(map(text, member(entry, "drawn", list)))
        elif "racing" in entry:
            self.trace.racing[text(entry["racing"])] = self._places.get(entry.get("at", 0), NOWHERE)
        elif "killed" in entry:
            self.trace.killed.add(abs(member(entry, "killed", int)))
        elif "started" in entry:
            place = self._places.get(entry["at"], NOWHERE)
            self.trace.started.append(
                Started(count(entry, "started"), tuple(map(text, member(entry, "arguments", list))), place)
            )
        else:
            require_event(entry)
            event = _event(entry, self.process, self._places)
            self.trace.audit.add(event)
            if not event.source:
                self.last = max(self.last, event.number)
            if event.kind == "seed" and not event.facts.get("unseeded"):
                self.trace.seeded.setdefault(str(event.facts.get("generator")), event.number)
            return event
        return None

    def _parse(self, line: bytes) -> dict[str, Any]:
        try:
            entry = parse(line)
        except Unreadable:
            entry = None
        if not isinstance(entry, dict) and not self.trace.header:
            raise BadTrace(_EXPECTED.format(self.trace.path))
        if not isinstance(entry, dict):
            raise BadTrace(f"{self.trace.path}:{self._line}: expected a JSON object, found {line[:60]!r}")
        return entry


_EXPECTED = '{}: expected a trace that begins with {{"trace": ' + str(VERSION) + ", ...}}: write one by `sac trace`"


LONGEST = 1 << 28
"""Bytes of a line that are accepted."""


def _lines(file: BinaryIO) -> list[bytes]:
    """Return about a block of lines.

    Raises:
        Unreadable: one is too long to be a line of a trace.
    """
    lines: list[bytes] = []
    size = 0
    while size < BLOCK and (line := file.readline(LONGEST + 1)):
        if len(line) > LONGEST:
            raise Unreadable(f"a line is longer than {LONGEST:,} bytes")
        lines.append(line)
        size += len(line)
    return lines


def read_audit(path: Path, process: str = MAIN) -> tuple[Trace, int]:
    """Read the trace of one process for its audit alone; returns it without events, and how many flow events it has.

    Raises:
        BadTrace: the file is missing or isn't a trace.
    """
    reader = Reader(path, process)
    flows = 0
    while (events := reader.read()) is not None:
        flows += sum(not event.source for event in events)
    reader.require()
    return reader.trace, flows


def read_trace(path: Path | str) -> Trace:
    """Read a whole trace and those of its process's children; an unfinished last line is left out.

    Raises:
        BadTrace: the file is missing or isn't a trace.
    """
    path = Path(path)
    trace = _read_one(path, MAIN)
    for label, file in children_of(path).items():
        trace.children[label] = _read_one(file, label)
    return trace


def audit(trace: Trace) -> list[AuditFinding]:
    """List every source that a run reached, and what it drew from generators that nobody had seeded."""
    total = Audit()
    for process in trace.processes:
        total.join(process.audit)
    return sorted(total.found.values(), key=lambda one: (one.place.file, one.place.line, one.kind))


def _read_one(path: Path, process: str) -> Trace:
    """Read the trace of one process."""
    reader = Reader(path, process)
    trace = reader.trace
    while (events := reader.read()) is not None:
        for event in events:
            (trace.sources if event.source else trace.flows).append(event)
    reader.require()
    trace.flows.sort(key=lambda event: event.number)
    return trace


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
        uncompared=tuple((path, kind) for path, kind in entry.get("nc", ())),
    )
