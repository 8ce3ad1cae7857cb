"""Ledgers: write, read and compare the digests that a run leaves at each iteration.

A ledger is a file of JSON lines. The first is the header: `{"ledger": 1, "config": {...}, "fingerprint": {...},
"versions": {...}, ...}`. Each further line is one iteration: `{"iteration": k, "global_step": n, "digests": {channel:
16 hexadecimal digits}, "values": {name: float}}`. Iteration 0 is the state before any training. Floats stand in their
exact repr; those that JSON lacks are the strings "nan", "inf" and "-inf". A line may have `"steps": {channel: marks}`:
four hexadecimal digits for each (step, environment), environments of one step side by side, hints that locate a
difference.
"""

import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sac.locate import locate
from sac.verdict import (
    ABSENT,
    CHANNELS,
    EVALUATION_FLAGS,
    Difference,
    Divergence,
    Inputs,
    flag_differences,
    inputs_of,
    same_machine,
)

__all__ = ["CHANNELS", "Comparison", "Ledger", "LedgerError", "LedgerWriter", "Line", "NotComparable"]
__all__ += ["compare", "coverage_difference", "read_header", "read_ledger"]

T = TypeVar("T")

VERSION = 1
FILE_NAME = "ledger.jsonl"
_DIGEST = re.compile(r"[0-9a-f]{16}")
_NON_FINITE = ("nan", "inf", "-inf")


class LedgerError(ValueError):
    """A file isn't a ledger that can be read; the message says where, and what was expected there."""


class NotComparable(ValueError):
    """Two ledgers can't be held against each other; the message is the reason."""


@dataclass(frozen=True)
class Line:
    """What one iteration left."""

    iteration: int
    global_step: int
    digests: dict[str, str]
    values: dict[str, float]
    steps: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """A ledger as read; `torn` is the unfinished last line that a killed run may leave."""

    path: Path
    header: dict[str, Any]
    lines: tuple[Line, ...]
    torn: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The run's flags."""
        config = self.header.get("config")
        return config if isinstance(config, dict) else {}


class LedgerWriter:
    """Writes a ledger line by line; each line reaches the operating system at once and so outlives `kill -9`."""

    def __init__(self, path: Path | str, header: Mapping[str, Any], after: int | None = None) -> None:
        """Create the file (an older one is replaced) and write the header; or go on with it `after` an iteration."""
        self.path = Path(path)
        self._last = -1 if after is None else after
        append = after is not None and self.path.exists()
        self._file = self.path.open("a" if append else "w", encoding="utf-8", newline="\n")
        if not append:
            self._put({"ledger": VERSION, **header})
        self._header_bytes = header_bytes(self.path)

    def write(
        self,
        iteration: int,
        global_step: int,
        digests: Mapping[str, str],
        values: Mapping[str, float] | None = None,
        steps: Mapping[str, str] | None = None,
    ) -> None:
        """Append one iteration, its channels in the order of data flow and its values in that of their names."""
        if iteration <= self._last:
            raise ValueError(f"iterations must rise: {iteration} after {self._last} in {self.path}")
        unknown = sorted(set(digests) - set(CHANNELS))
        if unknown:
            raise ValueError(f"unknown channels {unknown}: sac.verdict.CHANNELS lists those that a ledger can hold")
        for channel, value in digests.items():
            _check_digest(channel, value)
        self._last = iteration
        entry: dict[str, Any] = {
            "iteration": int(iteration),
            "global_step": int(global_step),
            "digests": {channel: digests[channel] for channel in CHANNELS if channel in digests},
            "values": {name: _encode(value) for name, value in sorted((values or {}).items())},
        }
        if steps:
            entry["steps"] = dict(steps)
        self._put(entry)

    def sync(self) -> int:
        """Wait until all lines are on the disk; returns their length without the header."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size - self._header_bytes

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "LedgerWriter":
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _put(self, entry: Mapping[str, Any]) -> None:
        """Write one line and hand it to the operating system."""
        self._file.write(json.dumps(entry, allow_nan=False, default=str) + "\n")
        self._file.flush()


def header_bytes(path: Path) -> int:
    """Length of a ledger's header, its newline included."""
    with path.open("rb") as file:
        return len(file.readline())


def _check_digest(channel: str, value: object) -> None:
    """Refuse what isn't a digest."""
    if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise ValueError(f"16 hexadecimal digits for {channel}, found {value!r}")


def _encode(value: float) -> float | str:
    """Return a float as JSON can hold it."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def _decode(value: object) -> float:
    """Return the float that `_encode` was given."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or value in _NON_FINITE):
        raise ValueError(f"a float, found {value!r}")
    return float(value)


def read_ledger(path: Path | str) -> Ledger:
    """Read the ledger of a run folder, or a ledger file.

    Raises:
        LedgerError: the file is missing, or a line other than an unfinished last one is malformed.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
    try:
        *rows, last = path.read_bytes().split(b"\n")
    except OSError as error:
        raise LedgerError(
            f"{path}: can't read the ledger: {error.strerror}. Expected a run folder of `sac train`, or its {FILE_NAME}"
        ) from error
    torn = None
    # A line is whole when its object is closed: of an unfinished object no beginning is valid JSON.
    if last and _is_json(last):
        rows.append(last)
    elif last:
        torn = last.decode("utf-8", "replace")
    if not rows:
        raise LedgerError(
            f'{path}:1: expected a header {{"ledger": {VERSION}, ...}}, found '
            f"{'an unfinished line' if torn else 'an empty file'}"
        )
    header = _parse_header(path, rows[0])
    lines: list[Line] = []
    for number, row in enumerate(rows[1:], start=2):
        lines.append(_parse_line(path, number, row, lines[-1].iteration if lines else -1))
    return Ledger(path, header, tuple(lines), torn)


def read_header(path: Path) -> dict[str, Any]:
    """Read the header alone, of a ledger whose other lines may be damaged.

    Raises:
        LedgerError: the file is missing, or its first line is no header.
    """
    try:
        with path.open("rb") as file:
            return _parse_header(path, file.readline())
    except OSError as error:
        raise LedgerError(f"{path}: can't read the ledger: {error.strerror}") from error


def _is_json(row: bytes) -> bool:
    """Tell whether a row is a whole JSON value."""
    try:
        json.loads(row)
    except (ValueError, RecursionError):
        return False
    return True


def _parse_object(path: Path, number: int, row: bytes) -> dict[str, Any]:
    """Parse one row to a JSON object."""
    try:
        entry = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"{path}:{number}: expected a JSON object, found {row[:60]!r} ({error})") from error
    if not isinstance(entry, dict):
        raise LedgerError(f"{path}:{number}: expected a JSON object, found {row[:60]!r}")
    return entry


def _parse_header(path: Path, row: bytes) -> dict[str, Any]:
    """Check the first row and return it without its version."""
    header = _parse_object(path, 1, row)
    version = header.pop("ledger", None)
    if version is None:
        raise LedgerError(f'{path}:1: expected a header {{"ledger": {VERSION}, ...}}, found a line without "ledger"')
    if version != VERSION or isinstance(version, bool):
        raise LedgerError(
            f"{path}:1: expected ledger version {VERSION}, found {version!r}: use the release of `sac` that wrote it"
        )
    for part in ("config", "fingerprint", "versions"):
        if not isinstance(header.get(part, {}), dict):
            raise LedgerError(f"{path}:1: expected {part!r} to be an object, found {header[part]!r}")
    return header


def _parse_line(path: Path, number: int, row: bytes, previous: int) -> Line:
    """Check the row of one iteration."""
    entry = _parse_object(path, number, row)
    try:
        iteration = _field(entry, "iteration", int)
        if iteration <= previous:
            raise ValueError(f"an iteration above {previous}, found {iteration}")
        digests = _field(entry, "digests", dict)
        for channel, value in digests.items():
            if channel not in CHANNELS:
                raise ValueError(f"channels of ledger version {VERSION}, found {channel!r}")
            _check_digest(channel, value)
        values = {name: _decode(value) for name, value in _field(entry, "values", dict).items()}
        steps = _field(entry, "steps", dict) if "steps" in entry else {}
        if not all(isinstance(marks, str) for marks in steps.values()):
            raise ValueError("'steps' to hold strings")
        return Line(iteration, _field(entry, "global_step", int), digests, values, steps)
    except ValueError as error:
        raise LedgerError(f"{path}:{number}: expected {error}") from error


def _field(entry: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return a field of the kind given."""
    value = entry.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name!r} to be of type {kind.__name__}, found {value!r}")
    return value


@dataclass(frozen=True)
class Comparison:
    """What holding two ledgers against each other showed.

    Attributes:
        compared_iterations: lines that both hold.
        first: the first difference; None if there is none.
        notes: how far the comparison reaches, in words.
        complete: whether all that either ledger holds was held against the other.
        held: lines of the longer ledger.
    """

    compared_iterations: int
    first: Divergence | None
    notes: tuple[str, ...] = ()
    complete: bool = True
    held: int = 0

    @property
    def equal(self) -> bool:
        """Whether every channel that both could be asked for was equal."""
        return self.first is None

    @property
    def verdict(self) -> str:
        """What the first difference means; empty if there is none."""
        return "" if self.first is None else self.first.verdict

    @property
    def text(self) -> str:
        """The outcome for people."""
        return "\n".join([self.verdict or self._equal(), *(f"  note: {note}" for note in self.notes)])

    def _equal(self) -> str:
        """Say how far equality was seen: a prefix of a run must not read like the whole of it."""
        if self.held > self.compared_iterations:
            return f"equal as far as both go: {self.compared_iterations} of {self.held} iterations compared"
        return f"equal: {self.compared_iterations} iterations compared"

    def to_json(self) -> dict[str, Any]:
        """The object that `sac diff --json` promises, see docs/run_folder.md."""
        first = None if self.first is None else self.first.to_json()
        compared = {"compared_iterations": self.compared_iterations, "complete": self.complete}
        return {"equal": self.equal, **compared, "first": first, "notes": list(self.notes)}


def compare(a: Ledger, b: Ledger) -> Comparison:
    """Align two ledgers by iteration and find the first channel, in order of execution, that differs.

    Raises:
        NotComparable: nothing that could be compared means the same in both.
    """
    flags = flag_differences(a.header, b.header)
    unlike = [flag for flag in flags if flag.name in EVALUATION_FLAGS]
    pairs = _align(*((_without_evaluation(a), _without_evaluation(b)) if unlike else (a, b)))
    notes = [f"evaluations are not compared, {name} is {one} and {other}" for name, one, other in unlike]
    notes += _notes(a, b, pairs)
    held = max(len(a.lines), len(b.lines))
    complete = not unlike and _all_is_paired(a, b, pairs)
    for position, (left, right) in enumerate(pairs):
        channels = _differing(left, right)
        if channels:
            previous = pairs[position - 1] if position else None
            place = locate(left.steps, right.steps, a.config.get("num_envs"))
            # Marks are hints: the digests must agree that the channel differs.
            channel = place.channel if place is not None and place.channel in channels else channels[0]
            divergence = Divergence(
                iteration=left.iteration,
                global_step=left.global_step,
                channel=channel,
                a=left.digests.get(channel, ABSENT),
                b=right.digests.get(channel, ABSENT),
                differing=tuple(channels),
                place=place,
                inputs=_inputs(channel, (left, right), previous),
                previous=previous[0].iteration if previous else None,
                values=_value_differences(left, right),
                flags=flags,
                config=a.config,
                same_machine=same_machine(a.header, flags),
            )
            return Comparison(len(pairs), divergence, tuple(notes), complete, held)
    return Comparison(len(pairs), None, tuple(notes), complete, held)


def _all_is_paired(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> bool:
    """Tell whether every digest of either ledger has its counterpart."""
    whole = all(ledger.torn is None and len(ledger.lines) == len(pairs) for ledger in (a, b))
    return whole and all(left.digests.keys() == right.digests.keys() for left, right in pairs)


def coverage_difference(a: Ledger, b: Ledger) -> str | None:
    """Say what one of two ledgers witnesses and the other does not; None where both witness the same.

    `compare` lets a shorter run be a prefix of a longer one, and evaluations be where they are. Runs of the same flags
    have no such freedom.
    """
    for ledger in (a, b):
        if ledger.torn is not None:
            return f"{ledger.path} ends in a torn line"
    held = [{(line.iteration, name) for line in ledger.lines for name in line.digests} for ledger in (a, b)]
    for ledger, missing in ((a, held[1] - held[0]), (b, held[0] - held[1])):
        if missing:
            iteration, channel = min(missing, key=lambda entry: (entry[0], CHANNELS.index(entry[1])))
            return f"{ledger.path} lacks {len(missing)} digests, first {channel} of iteration {iteration}"
    return None


def _without_evaluation(ledger: Ledger) -> Ledger:
    """Return the ledger less what its evaluations left."""
    lines = (replace(row, digests=_training(row.digests), values=_training(row.values)) for row in ledger.lines)
    return replace(ledger, lines=tuple(lines))


def _training(entries: Mapping[str, T]) -> dict[str, T]:
    """Return the entries other than the evaluation's."""
    return {name: value for name, value in entries.items() if not name.startswith("eval.")}


def _inputs(channel: str, pair: tuple[Line, Line], previous: tuple[Line, Line] | None) -> Inputs:
    """Return what two pairs of lines show of the inputs of a channel."""
    iteration = pair[0].iteration
    shown, shown_before = (set(a.digests) & set(b.digests) for a, b in (pair, previous or pair))
    gap = iteration > 0 and (previous is None or previous[0].iteration != iteration - 1)
    return inputs_of(channel, iteration, shown, None if gap else shown_before)


def _align(a: Ledger, b: Ledger) -> list[tuple[Line, Line]]:
    """Return the lines of the iterations that both ledgers hold, or say why they can't be compared."""
    tasks = [ledger.config.get("env_id") for ledger in (a, b)]
    if tasks[0] != tasks[1]:
        raise NotComparable(f"different tasks: env_id is {tasks[0]} in {a.path} and {tasks[1]} in {b.path}")
    others = {line.iteration: line for line in b.lines}
    pairs = [(line, others[line.iteration]) for line in a.lines if line.iteration in others]
    if not pairs:
        raise NotComparable(f"no iteration in common: {a.path} holds {_span(a)}, {b.path} holds {_span(b)}")
    for left, right in pairs:
        if left.global_step != right.global_step:
            raise NotComparable(
                f"iterations mean different things: {left.iteration} ends at global step {left.global_step} "
                f"in {a.path} and at {right.global_step} in {b.path}; compare num_envs and training_freq"
            )
    if not any(set(left.digests) & set(right.digests) for left, right in pairs):
        raise NotComparable(f"no channel in common in {a.path} and {b.path}: equality would say nothing")
    return pairs


def _span(ledger: Ledger) -> str:
    """Say which iterations a ledger holds."""
    if not ledger.lines:
        return "none"
    return f"{len(ledger.lines)}, from {ledger.lines[0].iteration} to {ledger.lines[-1].iteration}"


def _differing(left: Line, right: Line) -> list[str]:
    """Return the channels that differ at one iteration, in the order of data flow."""
    return [
        channel
        for channel in CHANNELS
        if left.digests.get(channel) != right.digests.get(channel)
        # Runs may evaluate at different iterations: that is no difference.
        and not (channel.startswith("eval.") and (channel in left.digests) != (channel in right.digests))
    ]


def _bits(value: float) -> bytes:
    """Return the bits of a float, so that NaN equals itself and zeros of unlike sign differ."""
    return struct.pack("<d", value)


def _value_differences(left: Line, right: Line) -> tuple[Difference, ...]:
    """Return the values that both lines hold and that differ."""
    return tuple(
        Difference(name, value, right.values[name])
        for name, value in left.values.items()
        if name in right.values and _bits(value) != _bits(right.values[name])
    )


def _notes(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> list[str]:
    """Return what a reader should know of how far the comparison reaches."""
    notes = [
        f"{ledger.path} ends in an unfinished line, left out: its run was killed" for ledger in (a, b) if ledger.torn
    ]
    for ledger in (a, b):
        drift = ledger.header.get("drift")
        if drift:
            notes.append(f"{ledger.path} was resumed under another arithmetic, as --allow_drift allowed: {drift}")
    for ledger, other in ((a, b), (b, a)):
        extra = len(ledger.lines) - len(pairs)
        if extra and ledger.lines[-1].iteration > other.lines[-1].iteration:
            notes.append(
                f"{other.path} ends at iteration {other.lines[-1].iteration} (global step "
                f"{other.lines[-1].global_step}); {extra} of the {len(ledger.lines)} lines of {ledger.path} "
                "have no counterpart"
            )
        elif extra:
            notes.append(
                f"{extra} of the {len(ledger.lines)} lines of {ledger.path} have no counterpart: compare ledger_freq"
            )
    totals = [ledger.config.get("total_timesteps") for ledger in (a, b)]
    if totals[0] != totals[1]:
        notes.append(
            f"different lengths were asked for: total_timesteps is {totals[0]} and {totals[1]}; "
            f"compared up to global step {pairs[-1][0].global_step}"
        )
    silent = [left for left, right in pairs if _value_differences(left, right) and not _differing(left, right)]
    if silent:
        notes.append(
            f"at iteration {silent[0].iteration} values differ though no digest does: "
            "they measure something else than the state of training"
        )
    return notes
