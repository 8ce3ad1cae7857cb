"""Ledgers: write and read the digests that a run leaves at each iteration.

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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sac.errors import UserError
from sac.ledger.channels import CHANNELS

VERSION = 1
FILE_NAME = "ledger.jsonl"
_DIGEST = re.compile(r"[0-9a-f]{16}")
_NON_FINITE = ("nan", "inf", "-inf")


class LedgerError(UserError, ValueError):
    """A file is not a readable ledger; the message says where, and what was expected there."""


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
    """A ledger as read; `torn` is the unfinished last line that a killed run may leave behind."""

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
    """Writes a ledger line by line; each line reaches the operating system at once, so it survives `kill -9`."""

    def __init__(self, path: Path | str, header: Mapping[str, Any], after: int | None = None) -> None:
        """Create the file (replacing an older one) and write the header; or continue it `after` an iteration."""
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
        """Append one iteration, with its channels in the order of data flow and its values in the order of their names.

        Args:
            iteration: its number, above that of the line before.
            global_step: env steps at its end.
            digests: channel -> 16 hexadecimal digits.
            values: name -> float.
            steps: channel -> marks, see the module's text.

        Raises:
            ValueError: the iteration does not rise, or a channel or digest is none.
        """
        if iteration <= self._last:
            raise ValueError(f"iterations must rise: {iteration} after {self._last} in {self.path}")
        unknown = sorted(set(digests) - set(CHANNELS))
        if unknown:
            raise ValueError(
                f"unknown channels {unknown}: sac.ledger.channels.CHANNELS lists those that a ledger can hold"
            )
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
        """Wait until all lines are on disk; return their length in bytes without the header."""
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
    """Return the length of a ledger's header in bytes, with its newline."""
    with path.open("rb") as file:
        return len(file.readline())


def _check_digest(channel: str, value: object) -> None:
    """Refuse what is not a digest."""
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
    """Read only the header of a ledger, whose other lines may be damaged.

    Raises:
        LedgerError: the file is missing, or its first line is no header.
    """
    try:
        with path.open("rb") as file:
            return _parse_header(path, file.readline())
    except OSError as error:
        raise LedgerError(f"{path}: can't read the ledger: {error.strerror}") from error


def last_step(path: Path) -> int:
    """Return the env step of a ledger's last whole line, 0 where there is none: how far the run is, at little cost.

    The end of the file alone is read, so this neither checks the ledger nor notices that it is damaged further up.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            rows = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return 0
    for row in reversed(rows):
        try:
            step = json.loads(row).get("global_step", 0)
        except (ValueError, AttributeError, RecursionError):
            continue
        return step if isinstance(step, int) else 0
    return 0


_TAIL = 1 << 20
"""Bytes in which a ledger's last line ends; the hints of large rollouts make long lines."""


def _is_json(row: bytes) -> bool:
    """Whether a row is a complete JSON value."""
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
