"""Writing files so that a crash at any moment, of the process or of the machine, leaves the old or the new, never half.

A system call that fails or writes less than asked ends in `StorageError`, never in silence. Every call that changes
the disk is here, so that tests can make each of them fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sac.errors import UserError

PARTIAL = ".partial"
"""Ends the name of a file that is being written; one that a crash has left behind means nothing."""

T = TypeVar("T")


class StorageError(UserError, RuntimeError):
    """The disk did not take what was written; the message names the file and the reason."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole, or not at all, and is on the disk when this returns.

    Raises:
        StorageError: it can't be written; what stood at `path` still does.
    """
    temporary = path.with_name(path.name + PARTIAL)
    _try(path, lambda: _write(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data, 0))
    _try(path, lambda: os.replace(temporary, path))
    sync_folder(path.parent)


def write_at(path: Path, offset: int, data: memoryview | bytes) -> None:
    """Write into a file from `offset` on, making the file where it is missing, and wait for the disk.

    Raises:
        StorageError: it can't be written; bytes before `offset` are as they were.
    """
    new = not path.exists()
    _try(path, lambda: _write(path, os.O_WRONLY | os.O_CREAT, data, offset))
    if new:
        sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path}: can't be removed: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, and wait until their names are on the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    _try(path, lambda: path.mkdir(parents=True, exist_ok=True))
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    _try(folder, lambda: _sync_folder(folder))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, flags: int, data: memoryview | bytes, offset: int) -> None:
    descriptor = os.open(path, flags, 0o644)
    try:
        rest = memoryview(data).cast("B")
        while rest:
            # The system may take less than it is given: the next turn gives it the rest, or learns why not.
            taken = os.pwrite(descriptor, rest, offset)
            if taken <= 0:
                raise OSError(0, "the system takes no more bytes")
            rest, offset = rest[taken:], offset + taken
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try(path: Path, action: Callable[[], T]) -> T:
    """Do something with a file, and name it where that fails."""
    try:
        return action()
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror}") from error
