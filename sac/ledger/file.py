"""Ledgers: write and read the digests that a run leaves at each iteration.

A ledger is a file of JSON lines. The first is the header: `{"ledger": 1, "config": {...}, "fingerprint": {...},
"versions": {...}, ..., "sha256": checksum of the rest}`. Each further line is one iteration: `{"iteration": k,
"global_step": n, "digests": {channel: 16 hexadecimal digits}, "values": {name: float}}`. Iteration 0 is the state
before any training. Floats stand in their exact repr; those that JSON lacks are the strings "nan", "inf" and "-inf". A
line may have `"steps": {channel: marks}`: four hexadecimal digits for each (step, environment), environments of one
step side by side, hints that locate a difference.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

from sac.errors import UserError
from sac.ledger.channels import CHANNELS
from sac.ledger.line import LONGEST, VERSION, Line, encode, parse_header, parse_line, require_digests
from sac.untrusted.checksum import Extent, RunningChecksum, read_checksum
from sac.untrusted.file import Unreadable, open_regular
from sac.untrusted.json_text import parse
from sac.untrusted.seal import sealed

FILE_NAME = "ledger.jsonl"


class LedgerError(UserError, ValueError):
    """A file is not a readable ledger; the message says where, and what was expected there."""


class LedgerSource(Protocol):
    """A ledger whose lines can be walked over, as often as one wants."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def header(self) -> dict[str, Any]:
        """Its first line."""

    @property
    def config(self) -> dict[str, Any]:
        """The run's flags."""

    @property
    def torn(self) -> str | None:
        """The unfinished last line, known once the lines were walked over to their end."""

    def walk(self) -> Iterator[Line]:
        """Yield the lines in the order of their iterations."""


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
        return _config_of(self.header)

    def walk(self) -> Iterator[Line]:
        """Yield the lines."""
        return iter(self.lines)


class LedgerFile:
    """A ledger on the disk, of which no more than a line is in memory: see `LedgerSource`.

    Args:
        path: the file; its header is read at once.

    Raises:
        LedgerError: it is missing, or does not begin with a header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn: str | None = None
        self.header = read_header(path)
        self._last: tuple[bytes, Line] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The run's flags."""
        return _config_of(self.header)

    def walk(self, twin: "LedgerFile | None" = None) -> Iterator[Line]:
        """Yield the lines; a row that `twin` has just read too is not parsed again.

        Raises:
            LedgerError: a line other than an unfinished last one is malformed.
        """
        previous, self._last, self.torn = -1, None, None
        with _open(self.path) as file:
            _row(file, self.path, 1)
            number = 1
            while row := _row(file, self.path, number + 1):
                number += 1
                if not row.endswith(b"\n") and not _is_json(row):
                    self.torn = row.decode("utf-8", "replace")
                    return
                known = twin._last if twin is not None else None
                if known is not None and known[0] == row and known[1].iteration > previous:
                    line = known[1]
                else:
                    line = _parsed(self.path, number, row, previous)
                self._last, previous = (row, line), line.iteration
                yield line


def _config_of(header: Mapping[str, Any]) -> dict[str, Any]:
    config = header.get("config")
    return config if isinstance(config, dict) else {}


class LedgerWriter:
    """Writes a ledger line by line; each line reaches the operating system at once, so it survives `kill -9`."""

    def __init__(self, path: Path | str, header: Mapping[str, Any], after: int | None = None) -> None:
        """Create the file (replacing an older one) and write the header; or continue it `after` an iteration."""
        self.path = Path(path)
        self._last = -1 if after is None else after
        append = after is not None and self.path.exists()
        self._file = self.path.open("ab" if append else "wb")
        if not append:
            self._file.write(_encoded(sealed({"ledger": VERSION, **header})))
            self._file.flush()
        self._body = read_checksum(self.path, header_bytes(self.path)) if append else RunningChecksum()

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
        require_digests(digests)
        self._last = iteration
        entry: dict[str, Any] = {
            "iteration": int(iteration),
            "global_step": int(global_step),
            "digests": {channel: digests[channel] for channel in CHANNELS if channel in digests},
            "values": {name: encode(value) for name, value in sorted((values or {}).items())},
        }
        if steps:
            entry["steps"] = dict(steps)
        data = _encoded(entry)
        self._file.write(data)
        self._file.flush()
        self._body.add(data)

    def sync(self) -> Extent:
        """Wait until all lines are on disk; return their length without the header, and their checksum."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._body.extent

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


def _encoded(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry, allow_nan=False, default=str) + "\n").encode()


def header_bytes(path: Path) -> int:
    """Return the length of a ledger's header in bytes, with its newline.

    Raises:
        LedgerError: the file is missing, or no regular one.
    """
    with _open(path) as file:
        return len(file.readline(LONGEST))


def read_ledger(path: Path | str) -> Ledger:
    """Read the ledger of a run folder, or a ledger file, whole.

    Raises:
        LedgerError: the file is missing, or a line other than an unfinished last one is malformed.
    """
    file = open_ledger(path)
    lines = tuple(file.walk())
    return Ledger(file.path, file.header, lines, file.torn)


def open_ledger(path: Path | str) -> LedgerFile:
    """Open the ledger of a run folder, or a ledger file, to walk over its lines.

    Raises:
        LedgerError: the file is missing, or does not begin with a header.
    """
    path = Path(path)
    return LedgerFile(path / FILE_NAME if path.is_dir() else path)


def read_header(path: Path) -> dict[str, Any]:
    """Read only the header of a ledger, whose other lines may be damaged.

    Raises:
        LedgerError: the file is missing, or its first line is no header.
    """
    with _open(path) as file:
        row = _row(file, path, 1)
    if not row or not (row.endswith(b"\n") or _is_json(row)):
        found = "an unfinished line" if row else "an empty file"
        raise LedgerError(f'{path}:1: expected a header {{"ledger": {VERSION}, ...}}, found {found}')
    try:
        return parse_header(row)
    except Unreadable as error:
        raise LedgerError(f"{path}:1: {error}") from error


def _open(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except Unreadable as error:
        hint = f". Expected a run folder of `sac train`, or its {FILE_NAME}"
        raise LedgerError(f"{path}: can't read the ledger: {error.reason.removeprefix(_CANT)}{hint}") from error


_CANT = "can't be read: "


def _row(file: BinaryIO, path: Path, number: int) -> bytes:
    """Return the next row, with its line feed; empty at the end."""
    try:
        row = file.readline(LONGEST + 1)
    except OSError as error:
        raise LedgerError(f"{path}:{number}: can't be read: {error.strerror}") from error
    if len(row) > LONGEST:
        raise LedgerError(f"{path}:{number}: expected a line of at most {LONGEST:,} bytes")
    return row


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
    """Whether a row is a complete JSON value: of an unfinished object no beginning is valid JSON."""
    try:
        parse(row)
    except Unreadable:
        return False
    return True


def _parsed(path: Path, number: int, row: bytes, previous: int) -> Line:
    try:
        return parse_line(row.removesuffix(b"\n"), previous)
    except Unreadable as error:
        raise LedgerError(f"{path}:{number}: {error}") from error
