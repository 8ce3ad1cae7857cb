"""Standard output and error that can't end a command: closed, full or unread, its result stays the same.

A descriptor that is closed at the start is opened on /dev/null, because the next file to be opened would take its
number, and whatever is printed would end up in that file.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any, TextIO, cast


class LenientWriter(io.FileIO):
    """The writing end of a descriptor: what can't be written is dropped.

    Args:
        descriptor: an open one; it stays open.
        name: of the stream, for who asks.

    Attributes:
        lost: why something was dropped first; None if nothing was.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.name: Any = name
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write bytes, or drop them; wait for a pipe that is full and does not block."""
        try:
            while (taken := cast("int | None", super().write(data))) is None:
                select.select([], [self], [])
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes
        return taken


def open_missing() -> None:
    """Open /dev/null where descriptor 0, 1 or 2 is closed, for this process and those that it starts."""
    for number in range(3):
        if not _is_open(number):
            # The system gives the lowest number that is free, and all below this one are taken by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def protect() -> None:
    """Make `sys.stdout` and `sys.stderr` drop what can't be written; a stream that was replaced before stays."""
    open_missing()
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        original = getattr(sys, name)
        if original is getattr(sys, f"__{name}__"):
            lenient = _lenient(descriptor, name, original)
            setattr(sys, name, lenient)
            setattr(sys, f"__{name}__", lenient)


def _lenient(descriptor: int, name: str, original: TextIO | None) -> TextIO:
    """A stream on the same descriptor as the original, with its way of buffering."""
    found = original if isinstance(original, io.TextIOWrapper) else None
    if found is not None:
        with contextlib.suppress(OSError):
            found.flush()
    raw = LenientWriter(descriptor, f"<{name}>")
    unbuffered = found is not None and isinstance(found.buffer, io.RawIOBase)
    return io.TextIOWrapper(
        cast("Any", raw) if unbuffered else io.BufferedWriter(raw),
        encoding=found.encoding if found is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=found.line_buffering if found is not None else False,
        write_through=found.write_through if found is not None else True,
    )


def lost_output() -> OSError | None:
    """Why standard output lacks something; None if nothing is lost, or its reader has gone of its own accord."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        return None
    stream.flush()
    raw = getattr(stream.buffer, "raw", stream.buffer)
    lost = raw.lost if isinstance(raw, LenientWriter) else None
    return None if lost is None or lost.errno == errno.EPIPE else lost
