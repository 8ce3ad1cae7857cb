"""The replay buffer on disk: files of rows that only grow, so that a save copies only what is new.

Rows are numbered from the start of the run; the ring holds the last `size` of them. A segment is a file of consecutive
rows. A checkpoint says how many rows of each segment it counts, and their checksum. What follows them in the file
belongs to a later checkpoint, or was being written at a crash; this checkpoint ignores it. So rows are never rewritten
while a checkpoint counts them, and a crash during a write harms no checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sac.run import storage
from sac.run.held_folder import HeldFolder
from sac.state import ReplayState
from sac.untrusted.file import Unreadable, open_regular

SEGMENT_BYTES = 64 * 2**20
"""A segment is removed as a whole, so about this much is kept needlessly."""
_CHUNK_BYTES = 4 * 2**20


_NAME = re.compile(r"rows-(\d{1,12})\.f32")


class BadSegment(ValueError):
    """A file of rows does not hold what the checkpoint says; the message names the file."""


@dataclass(frozen=True)
class Segment:
    """The first `rows` rows of one file, as a checkpoint counts them.

    Attributes:
        start: number of the file's first row; also its name.
        rows: how many rows count.
        size: their length in bytes.
        sha256: their checksum.
    """

    start: int
    rows: int
    size: int
    sha256: str

    @property
    def end(self) -> int:
        """Number of the row after the last."""
        return self.start + self.rows

    def path(self, folder: Path) -> Path:
        """Return the path of the file."""
        return folder / f"rows-{self.start:012d}.f32"


class Journal:
    """Writes and reads the segments of one run.

    Args:
        folder: where the files are.
        segment_bytes: size of a full file, about.

    Attributes:
        held: the run folder, where they are below one that is held.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self.held: HeldFolder | None = None
        self._segment_bytes = segment_bytes
        self._segments: list[Segment] = []
        self._hash = hashlib.sha256()

    def append(self, state: ReplayState) -> tuple[Segment, ...]:
        """Write the rows that no segment holds yet; return the segments that together hold the ring.

        Raises:
            StorageError: the rows can't be written, or earlier ones are gone; segments that checkpoints count are
                as they were.
        """
        end = self._segments[-1].end if self._segments else 0
        first = state.written - state.size
        if end < first:
            # Since then more rows came than the ring holds: those in between are gone.
            self._segments, end = [], first
        for start, rows in _ring_pieces(state, end):
            self._append_rows(start, rows)
        self._segments = [segment for segment in self._segments if segment.end > first]
        for segment in self._segments:
            storage.require_length(segment.path(self.folder), segment.size, self.held)
        return tuple(self._segments)

    def _append_rows(self, start: int, rows: torch.Tensor) -> None:
        """Write consecutive rows (K, N, D); the first has the number `start`."""
        row_bytes = _row_bytes(rows)
        capacity = max(1, self._segment_bytes // row_bytes)
        while len(rows):
            if not self._segments or self._segments[-1].rows >= capacity:
                self._hash = hashlib.sha256()
                self._segments.append(Segment(start, 0, 0, self._hash.hexdigest()))
            last = self._segments[-1]
            taken = rows[: capacity - last.rows]
            data = taken.contiguous().numpy().data.cast("B")
            storage.write_at(last.path(self.folder), last.size, data, self.held)
            self._hash.update(data)
            rows_now, size_now = last.rows + len(taken), last.size + len(data)
            self._segments[-1] = replace(last, rows=rows_now, size=size_now, sha256=self._hash.hexdigest())
            rows, start = rows[len(taken) :], start + len(taken)

    def load(self, segments: Sequence[Segment], state: ReplayState) -> None:
        """Read the ring's rows; the next `append` continues after them.

        Raises:
            BadSegment: a file is missing or too short, its checksum differs, or rows are missing between two.
        """
        check_cover(segments, state)
        self._segments = list(segments)
        for segment in segments:
            self._hash = _load_one(segment, self.folder, state)

    def prune(self, keep_from: int) -> None:
        """Remove the files that hold no row from `keep_from` on."""
        here = self.held.path_of(self.folder) if self.held is not None else self.folder
        for path in sorted(here.glob("rows-*.f32")):
            number = _NAME.fullmatch(path.name)
            if number and int(number.group(1)) < keep_from and not path.is_dir():
                storage.remove(self.folder / path.name, self.held)


def check_cover(segments: Sequence[Segment], state: ReplayState) -> None:
    """Refuse segments that do not hold exactly the ring's rows, without gaps.

    Raises:
        BadSegment: rows are missing, or are not the ring's.
    """
    first, expected = state.written - state.size, None
    for segment in segments:
        if expected is not None and segment.start != expected:
            raise BadSegment(f"rows {expected} to {segment.start} of the replay buffer are in no segment")
        expected = segment.end
    if segments and (segments[0].start > first or segments[0].end <= first or expected != state.written):
        raise BadSegment(f"the segments hold rows {segments[0].start} to {expected}, not {first} to {state.written}")
    if not segments and state.size:
        raise BadSegment(f"no segment holds the {state.size} rows of the replay buffer")


def _load_one(segment: Segment, folder: Path, state: ReplayState) -> Any:
    """Copy a segment's rows to their places in the ring; return the running checksum."""
    path, row_bytes = segment.path(folder), _row_bytes(state.rows)
    checksum = hashlib.sha256()
    first, number = state.written - state.size, segment.start
    if segment.size != segment.rows * row_bytes:
        raise BadSegment(f"{path}: {segment.rows} rows of {row_bytes} bytes are not {segment.size} bytes")
    for data in _chunks(path, segment.size, max(1, _CHUNK_BYTES // row_bytes) * row_bytes):
        checksum.update(data)
        rows = torch.frombuffer(data, dtype=torch.float32).view(-1, *state.rows.shape[1:])
        slots = torch.arange(number, number + len(rows))
        held = slots >= first
        state.rows[(slots[held] % state.rows.shape[0]).to(state.rows.device)] = rows[held].to(state.rows.device)
        number += len(rows)
    if checksum.hexdigest() != segment.sha256:
        raise BadSegment(f"{path}: damaged: its first {segment.rows} rows have another checksum than when written")
    return checksum


def _chunks(path: Path, size: int, chunk: int) -> Iterator[bytearray]:
    """Yield the first `size` bytes of a file, in pieces."""
    try:
        with open_regular(path) as file:
            while size > 0:
                data = bytearray(file.read(min(chunk, size)))
                if len(data) < min(chunk, size):
                    raise BadSegment(f"{path}: cut short: {size - len(data)} bytes are missing")
                size -= len(data)
                yield data
    except Unreadable as error:
        raise BadSegment(str(error)) from error
    except OSError as error:
        raise BadSegment(f"{path}: can't be read: {error.strerror}") from error


def _ring_pieces(state: ReplayState, start: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield rows `start` to `state.written` in contiguous pieces (K, N, D) of the ring, each with its first number."""
    capacity = state.rows.shape[0]
    while start < state.written:
        slot = start % capacity
        length = min(capacity - slot, state.written - start)
        yield start, state.rows[slot : slot + length].cpu()
        start += length


def _row_bytes(rows: torch.Tensor) -> int:
    return rows[0].numel() * rows.element_size()


def check_segment(segment: Segment, folder: Path) -> None:
    """Compare a segment's bytes with its checksum.

    Raises:
        BadSegment: they differ, or the file is too short.
    """
    checksum, path = hashlib.sha256(), segment.path(folder)
    for data in _chunks(path, segment.size, _CHUNK_BYTES):
        checksum.update(data)
    if checksum.hexdigest() != segment.sha256:
        raise BadSegment(f"{path}: damaged: its first {segment.rows} rows have another checksum than when written")
