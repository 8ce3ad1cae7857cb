"""The index of a checkpoint: the small file that makes it valid, written last and verified to the last byte.

Two lines: a JSON object, and the SHA-256 of the first line. It holds no file names: they follow from its numbers, so a
index can't point elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sac.checkpoint.replay_log import Segment
from sac.config import BadConfig

FORMAT = 1
_NAME = re.compile(r"state-(\d{1,12})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST = 16 * 2**20
_LARGEST = 2**62


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
        if path.stat().st_size > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise BadCheckpoint(f"{path}: not a checkpoint's index: {error}") from error
    line, newline, checksum = data.partition(b"\n")
    if not newline or checksum != _checksum(line + newline):
        raise BadCheckpoint(f"{path}: damaged: its checksum is not that of its content")
    try:
        index = _parse(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path}: not a checkpoint's index: {error}") from error
    if index.iteration != iteration:
        raise BadCheckpoint(f"{path}: holds iteration {index.iteration}: it has been renamed")
    return index


def _checksum(line: bytes) -> bytes:
    return f"sha256:{hashlib.sha256(line).hexdigest()}\n".encode()


def _parse(entry: object) -> CheckpointIndex:
    """Check kinds and ranges of everything in an index."""
    if not isinstance(entry, dict):
        raise ValueError("expected an object")
    version = entry.pop("format", None)
    if version != FORMAT:
        raise ValueError(f"expected format {FORMAT}, found {str(version)[:40]}: use the release that wrote it")
    _require_names(entry, {field.name for field in fields(CheckpointIndex)}, "an index")
    for name in ("iteration", "tensor_bytes", "ledger_bytes", "metrics_bytes"):
        _require_count(name, entry[name])
    for name in ("config", "fingerprint", "counters"):
        if not isinstance(entry[name], dict):
            raise ValueError(f"expected {name} to be an object")
    for name, value in entry["counters"].items():
        _require_count(f"counters.{name}"[:80], value)
    _require_digest("tensor_sha256", entry["tensor_sha256"])
    if not isinstance(entry["segments"], list):
        raise ValueError("expected segments to be a list")
    return CheckpointIndex(**{**entry, "segments": tuple(_parse_segment(item) for item in entry["segments"])})


def _parse_segment(item: object) -> Segment:
    if not isinstance(item, dict):
        raise ValueError("expected a segment to be an object")
    _require_names(item, {"start", "rows", "size", "sha256"}, "a segment")
    for name in ("start", "rows", "size"):
        _require_count(f"segment {name}", item[name])
    _require_digest("segment sha256", item["sha256"])
    return Segment(**item)


def _require_names(entry: dict[str, Any], names: set[str], what: str) -> None:
    unlike = sorted(str(name)[:40] for name in entry.keys() ^ names)
    if unlike:
        raise ValueError(f"{what} has other entries than {', '.join(sorted(names))}: {', '.join(unlike[:5])}")


def _require_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        shown = value if not isinstance(value, int) or math.log10(abs(value) + 1) < 20 else "a wild number"
        raise ValueError(f"expected {name} to be a count, found {str(shown)[:40]}")


def _require_digest(name: str, value: object) -> None:
    if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise ValueError(f"expected {name} to be 64 hexadecimal digits, found {str(value)[:40]!r}")
