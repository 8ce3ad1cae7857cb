"""Opens a file to read: a regular one only, so that no pipe, device or socket in its place can block the reader."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sac.errors import UserError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
CHUNK = 1 << 20
"""Bytes that are read at once where a whole file passes by."""


class Unreadable(UserError, ValueError):
    """A file, or a text in it, is not what it must be.

    Attributes:
        path: the file; None where only a text was looked at.
        reason: what is wrong, in words.
        missing: whether nothing is there under that name.
    """

    def __init__(self, reason: str, path: Path | None = None, *, missing: bool = False) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.path, self.reason, self.missing = path, reason, missing


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; nothing that is in its place can block.

    Raises:
        Unreadable: it is missing, can't be opened, or is something else; the message names what it is.
    """
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would wait here for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError as error:
        raise Unreadable("no such file", path, missing=True) from error
    except OSError as error:
        raise Unreadable(f"can't be read: {_why_not_opened(path, error)}", path) from error
    except ValueError as error:
        # A zero byte in the name.
        raise Unreadable(f"can't be read: {error}", path) from error
    kind = _kind(os.fstat(descriptor).st_mode)
    if kind:
        os.close(descriptor)
        raise Unreadable(f"can't be read: it is {kind}, no file", path)
    return open(descriptor, "rb")


def _why_not_opened(path: Path, error: OSError) -> str:
    try:
        kind = _kind(os.stat(path).st_mode)
    except (OSError, ValueError):
        kind = ""
    return f"it is {kind}, no file" if kind else str(error.strerror)


def _kind(mode: int) -> str:
    """What a file is instead of a regular one; "" for that."""
    if stat.S_ISREG(mode):
        return ""
    return next((words for test, words in _KINDS if test(mode)), "something else than a file")


def read_bytes(path: Path, most: int) -> bytes:
    """Return a regular file's content.

    Args:
        path: the file.
        most: bytes that it may hold.

    Raises:
        Unreadable: it can't be read, or is longer.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise Unreadable(f"has {size:,} bytes, more than the {most:,} that it may have", path)
        try:
            return file.read(size)
        except OSError as error:
            raise Unreadable(f"can't be read: {error.strerror}", path) from error


MOST_CODE = 16 * 2**20
"""Length of a file of code that is accepted."""


def source_lines(path: Path) -> list[str]:
    """Return the lines of somebody's code, which a trace or a record has named.

    Raises:
        Unreadable: it can't be read, or is too long to be code.
    """
    return read_bytes(path, MOST_CODE).decode("utf-8", "replace").splitlines()


def chunks(file: BinaryIO, path: Path, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of an open file in pieces.

    Raises:
        Unreadable: it can't be read, or ends before; the message says where.
    """
    start, left = file.tell(), size
    while left > 0:
        try:
            data = file.read(min(CHUNK, left))
        except OSError as error:
            raise Unreadable(f"can't be read: {error.strerror}", path) from error
        if not data:
            raise Unreadable(f"cut short: it ends at byte {start + size - left:,}, {left:,} bytes are missing", path)
        left -= len(data)
        yield data
