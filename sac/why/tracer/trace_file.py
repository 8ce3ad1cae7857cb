"""The file of one traced process: one JSON line an entry, each handed to the operating system as it is written."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

LOST, RESERVED = ".lost", 512
"""End of the name of the file that says why a trace isn't whole, and its bytes; blank if the trace is whole."""

CHILD = r"\.\d+-[0-9a-f]+"
"""End of the name of the trace of a process that a run has started: its number and the time of its start."""

_CLOSED = -1


class TraceFile:
    """A trace as it is written; where it can't be written, the script goes on without it.

    Args:
        path: of the run's trace. Its first process writes there, all others to files of their own beside it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = _CLOSED

    @property
    def closed(self) -> bool:
        """Whether nothing is written: not yet, no more, or since the disk was full."""
        return self._descriptor < 0

    def open(self, name: str, first: bool) -> None:
        """Create the file, which nobody else has.

        Args:
            name: of the process among those of the run.
            first: whether it is the run's first process; where its file is there, another process was faster.
        """
        own = f"{self.path}.{name}"
        try:
            try:
                self._descriptor = _create(self.path if first else own)
            except FileExistsError:
                self._descriptor = _create(own)
        except OSError as error:
            self._lose(error)

    def close(self) -> None:
        """Write nothing any more."""
        if not self.closed:
            # Nothing is recorded from here on, the closing least of all.
            descriptor, self._descriptor = self._descriptor, _CLOSED
            os.close(descriptor)

    def put(self, entry: Mapping[str, Any]) -> None:
        """Write one line and hand it to the operating system; a disk that is full ends the trace, not the script."""
        if self.closed:
            return
        line = (json.dumps(entry, default=str) + "\n").encode()
        written = 0
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            with contextlib.suppress(OSError):
                # Half a line would be read as damage.
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Record nothing any more, and say why in the file that was reserved for it while there was room."""
        # The file stays open: another thread may be about to write, and its number must not become the script's.
        self._descriptor = _CLOSED
        with contextlib.suppress(OSError):
            mark = os.open(self.path + LOST, os.O_WRONLY)
            os.pwrite(mark, f"{error.strerror}: {self.path}\n".encode()[:RESERVED], 0)
            os.close(mark)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
