"""Write files so that a crash of process or machine at any moment leaves the old or the new file, never half of one.

A system call that fails or writes less than asked raises `StorageError`. Every call that changes the disk is here, so
tests can make each of them fail. Where a folder is `held`, its files are reached through its descriptor: a folder that
is moved is still written to, and one that has taken its name is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sac.errors import UserError
from sac.run.held_folder import HeldFolder

PARTIAL = ".partial"
"""Suffix of a file that is being written; a crash may leave one behind, and nobody reads it."""

SHARED, PRIVATE = 0o644, 0o600
"""Modes of a new file."""

T = TypeVar("T")


class StorageError(UserError, RuntimeError):
    """A file can't be written or removed; the message names it and says why."""


def write_atomically(path: Path, data: bytes, held: HeldFolder | None = None, mode: int = SHARED) -> None:
    """Write a file that appears whole or not at all, and is on disk when this returns.

    Args:
        path: where.
        data: all of it.
        held: the folder that is held, where the path is below one.
        mode: who may read it, before the process's mask.

    Raises:
        StorageError: it can't be written; an older file at `path` is intact.
    """
    temporary = path.with_name(path.name + PARTIAL)
    _try(path, lambda: _write(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data, 0, held, mode))
    (old, directory), (new, _) = _at(temporary, held), _at(path, held)
    _try(path, lambda: os.replace(old, new, src_dir_fd=directory, dst_dir_fd=directory))
    sync_folder(path.parent, held)


def write_at(path: Path, offset: int, data: memoryview | bytes, held: HeldFolder | None = None) -> None:
    """Write into a file from `offset` on, creating it if that is its beginning, and wait for the disk.

    Raises:
        StorageError: it can't be written, or lacks its beginning; bytes before `offset` are intact.
    """
    # A file that is gone must not be made again with a hole in the place of its beginning.
    creating = os.O_CREAT if offset == 0 else 0
    _try(path, lambda: _write(path, os.O_WRONLY | creating, data, offset, held))
    if creating:
        sync_folder(path.parent, held)


def require_length(path: Path, length: int, held: HeldFolder | None = None) -> None:
    """Refuse a file that no longer has the bytes that were written.

    Raises:
        StorageError: it is gone or shorter.
    """
    name, directory = _at(path, held)
    size = _try(path, lambda: os.stat(name, dir_fd=directory).st_size)
    if size < length:
        raise StorageError(f"{path}: {length} bytes were written, and it has only {size} now: it was changed meanwhile")


def remove(path: Path, held: HeldFolder | None = None) -> None:
    """Remove a file if it exists.

    Raises:
        StorageError: it can't be removed.
    """
    name, directory = _at(path, held)
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path}: can't be removed: {error.strerror}") from error


def make_folder(path: Path, held: HeldFolder | None = None) -> None:
    """Make a folder and its parents, and wait until their names are on disk.

    Below a folder that is held, each is made once and watched from then on: one that goes is lost, not made again.

    Raises:
        StorageError: it can't be made.
    """
    if held is not None:
        inner = held.relative(path)
        for part in (*reversed(inner.parents[:-1]), inner):
            _make_watched(held.path / part, held)
        return
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    _try(path, lambda: path.mkdir(parents=True, exist_ok=True))
    for folder in missing:
        sync_folder(folder.parent)


def _make_watched(path: Path, held: HeldFolder) -> None:
    if held.watches(path):
        return
    try:
        os.mkdir(held.relative(path), dir_fd=held.descriptor)
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageError(f"{path}: can't be made: {error.strerror}") from error
    else:
        sync_folder(path.parent, held)
    _try(path, lambda: held.watch(path))


def sync_folder(folder: Path, held: HeldFolder | None = None) -> None:
    """Wait until the names in a folder are on disk."""
    _try(folder, lambda: _sync_folder(folder, held))


def _at(path: Path, held: HeldFolder | None) -> tuple[Path, int | None]:
    """How the system finds a path: below which descriptor, if below one."""
    return (path, None) if held is None else (held.relative(path), held.descriptor)


def _sync_folder(folder: Path, held: HeldFolder | None) -> None:
    name, directory = _at(folder, held)
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(
    path: Path, flags: int, data: memoryview | bytes, offset: int, held: HeldFolder | None, mode: int = SHARED
) -> None:
    name, directory = _at(path, held)
    descriptor = os.open(name, flags, mode, dir_fd=directory)
    try:
        if mode == PRIVATE:
            # A file that a crash has left has the mode that it was made with.
            os.fchmod(descriptor, mode)
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
