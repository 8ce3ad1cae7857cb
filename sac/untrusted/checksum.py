"""The checksum of a file that only grows, kept while it grows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sac.untrusted.file import Unreadable, chunks, open_regular


@dataclass(frozen=True)
class Extent:
    """A file's bytes up to a point.

    Attributes:
        size: how many they are.
        sha256: their checksum; None where it was never taken.
    """

    size: int
    sha256: str | None = None


class RunningChecksum:
    """Length and SHA-256 of what was written so far; no byte is read twice."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(data)
        self._size += len(data)

    @property
    def extent(self) -> Extent:
        """What was written so far."""
        return Extent(self._size, self._hash.hexdigest())


def read_checksum(path: Path, start: int, size: int | None = None) -> RunningChecksum:
    """Take the checksum of a file's bytes from `start` on, to go on from there.

    Args:
        path: the file.
        start: bytes to pass over.
        size: bytes to take; by default all that follow.

    Raises:
        Unreadable: it can't be read, or is shorter.
    """
    found = RunningChecksum()
    with open_regular(path) as file:
        length = file.seek(0, 2)
        wanted = max(0, length - start) if size is None else size
        if start + wanted > length:
            raise Unreadable(f"cut short: it has {length:,} bytes, {start + wanted:,} were written", path)
        file.seek(start)
        for data in chunks(file, path, wanted):
            found.add(data)
    return found
