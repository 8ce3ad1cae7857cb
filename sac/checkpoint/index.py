"""The index of a checkpoint: the small file that makes it valid, written last and verified to the last byte.

Two lines: a JSON object, and the SHA-256 of the first line. It holds no file names: they follow from its numbers, so an
index can't point elsewhere. Format 2 added the checksums of ledger and metrics; without them format 1 is the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Set
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sac.checkpoint.replay_log import Segment
from sac.config import BadConfig
from sac.untrusted.checksum import Extent
from sac.untrusted.fields import count, member
from sac.untrusted.file import Unreadable, read_bytes
from sac.untrusted.json_text import parse_object, shown

FORMAT = 2
READABLE = (1, 2)
_NAME = re.compile(r"state-(\d{1,12})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST = 16 * 2**20


class BadCheckpoint(BadConfig):
    """A file is damaged, or is not a checkpoint; the message names it and says what is wrong."""


@dataclass(frozen=True)
class CheckpointIndex:
    """What a checkpoint consists of.

    Attributes:
        iteration: the iteration after which it was written.
        counters: dotted name -> every integer of the state.
        tensor_bytes: length of the file of tensors.
        tensor_sha256: its checksum.
        segments: rows of the replay buffer, see `replay_log`.
        ledger_bytes: length of the ledger behind its header, up to this iteration; 0 without a ledger.
        metrics_bytes: length of `metrics.csv`, up to this iteration.
        config: the run's flags.
        fingerprint: the machine's arithmetic.
        ledger_sha256: checksum of these bytes of the ledger; None in a checkpoint of format 1.
        metrics_sha256: the same of the metrics.
    """

    iteration: int
    counters: dict[str, int]
    tensor_bytes: int
    tensor_sha256: str
    segments: tuple[Segment, ...]
    ledger_bytes: int
    metrics_bytes: int
    config: dict[str, Any]
    fingerprint: dict[str, Any]
    ledger_sha256: str | None = None
    metrics_sha256: str | None = None

    @property
    def ledger(self) -> Extent:
        """The ledger behind its header, up to this iteration."""
        return Extent(self.ledger_bytes, self.ledger_sha256)

    @property
    def metrics(self) -> Extent:
        """The metrics up to this iteration."""
        return Extent(self.metrics_bytes, self.metrics_sha256)

    def encode(self) -> bytes:
        """Return the index as bytes of a file."""
        line = json.dumps({"format": FORMAT, **asdict(self)}, allow_nan=False).encode() + b"\n"
        return line + _checksum(line)


def index_path(folder: Path, iteration: int) -> Path:
    """Return the path of an iteration's index."""
    return folder / f"state-{iteration:012d}.json"


def tensor_path(folder: Path, iteration: int) -> Path:
    """Return the path of an iteration's tensors."""
    return folder / f"state-{iteration:012d}.safetensors"


def list_iterations(folder: Path) -> list[int]:
    """Return the iterations that have an index, oldest first; an index may be damaged."""
    names = [_NAME.fullmatch(path.name) for path in folder.glob("state-*.json")]
    return sorted(int(match.group(1)) for match in names if match)


def read_index(folder: Path, iteration: int) -> CheckpointIndex:
    """Read and verify an index.

    Raises:
        BadCheckpoint: it is missing, damaged, or something else.
    """
    path = index_path(folder, iteration)
    try:
        data = read_bytes(path, _LONGEST)
    except Unreadable as error:
        raise BadCheckpoint(str(error)) from error
    line, newline, checksum = data.partition(b"\n")
    if not newline or checksum != _checksum(line + newline):
        raise BadCheckpoint(f"{path}: damaged: its checksum is not that of its content")
    try:
        index = _parse(parse_object(line))
    except Unreadable as error:
        raise BadCheckpoint(f"{path}: not a checkpoint's index: {error}") from error
    if index.iteration != iteration:
        raise BadCheckpoint(f"{path}: holds iteration {index.iteration}: it has been renamed")
    return index


def _checksum(line: bytes) -> bytes:
    return f"sha256:{hashlib.sha256(line).hexdigest()}\n".encode()


_ENTRIES = frozenset(field.name for field in fields(CheckpointIndex))
_NEWER = frozenset(field.name for field in fields(CheckpointIndex) if field.default is not MISSING)
"""Entries that format 1 did not have."""


def _parse(entry: dict[str, Any]) -> CheckpointIndex:
    """Check kinds and ranges of everything in an index."""
    version = entry.pop("format", None)
    if version not in READABLE or type(version) is not int:
        raise Unreadable(f"expected format {FORMAT}, found {shown(version)}: use the release that wrote it")
    _require_names(entry, _ENTRIES - _NEWER if version == 1 else _ENTRIES, "an index")
    for name in ("iteration", "tensor_bytes", "ledger_bytes", "metrics_bytes"):
        count(entry, name)
    for name in ("config", "fingerprint", "counters"):
        member(entry, name, dict)
    for name in entry["counters"]:
        count(entry["counters"], name)
    _require_digest("tensor_sha256", entry["tensor_sha256"])
    for name in _NEWER & entry.keys():
        if entry[name] is not None:
            _require_digest(name, entry[name])
    segments = tuple(_parse_segment(item) for item in member(entry, "segments", list))
    return CheckpointIndex(**{**entry, "segments": segments})


def _parse_segment(item: object) -> Segment:
    if not isinstance(item, dict):
        raise Unreadable("expected a segment to be an object")
    _require_names(item, {"start", "rows", "size", "sha256"}, "a segment")
    for name in ("start", "rows", "size"):
        count(item, name)
    _require_digest("segment sha256", item["sha256"])
    return Segment(**item)


def _require_names(entry: dict[str, Any], names: Set[str], what: str) -> None:
    unlike = sorted(str(name)[:40] for name in entry.keys() ^ names)
    if unlike:
        raise Unreadable(f"{what} has other entries than {', '.join(sorted(names))}: {', '.join(unlike[:5])}")


def _require_digest(name: str, value: object) -> None:
    if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise Unreadable(f"expected {name} to be 64 hexadecimal digits, found {shown(value)}")
