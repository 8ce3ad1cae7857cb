"""Write files so that a crash of process or machine at any moment leaves the old or the new file, never half of one.

A system call that fails or writes less than asked raises `StorageError`. Every call that changes the disk is here, so
tests can make each of them fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sac.errors import UserError

PARTIAL = ".partial"
"""Suffix of a file that is being written; a crash may leave one behind, and nobody reads it."""

T = TypeVar("T")


class StorageError(UserError, RuntimeError):
    """A file can't be written or removed; the message names it and says why."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, and is on disk when this returns.

    Raises:
        StorageError: it can't be written; an older file at `path` is intact.
    """
    temporary = path.with_name(path.name + PARTIAL)
    _try(path, lambda: _write(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data, 0))
    _try(path, lambda: os.replace(temporary, path))
    sync_folder(path.parent)


def write_at(path: Path, offset: int, data: memoryview | bytes) -> None:
    """Write into a file from `offset` on, creating it if it is missing, and wait for the disk.

    Raises:
        StorageError: it can't be written; bytes before `offset` are intact.
    """
    new = not path.exists()
    _try(path, lambda: _write(path, os.O_WRONLY | os.O_CREAT, data, offset))
    if new:
        sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file if it exists.

    Raises:
        StorageError: it can't be removed.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path}: can't be removed: {error.strerror}") from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents, and wait until their names are on disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    _try(path, lambda: path.mkdir(parents=True, exist_ok=True))
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
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
            # The system may write less than asked: the next turn writes the rest, or learns why it can't.
            taken = os.pwrite(descriptor, rest, offset)
            if taken <= 0:
                raise OSError(0, "the system takes no more bytes")
            rest, offset = rest[taken:], offset + taken
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try(path: Path, action: Callable[[], T]) -> T:
    """Run an action on a file; name the file if it fails."""
    try:
        return action()
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror}") from error
