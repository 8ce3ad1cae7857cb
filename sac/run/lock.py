"""One process at a time in a run folder.

The lock is the kernel's (`flock`), so it ends with its holder, whatever kills it: no lock is ever left behind. The
file's text only says who holds it. If the text names another host, whose locks this kernel may not see, the text is
believed instead; a holder that exits normally empties the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import stat
from pathlib import Path
from types import TracebackType

from sac.config import BadConfig
from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import parse_object, shown


class RunLocked(BadConfig):
    """Another process uses the run folder; the message names its pid and host."""


class RunLock:
    """Held from construction until `release`.

    Args:
        path: the lock file; it stays in place, because removing it would let a third process lock another file.

    Raises:
        RunLocked: another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("a+", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise _unwritable(path, error) from error
        if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            self._file.close()
            raise BadConfig(f"{path}: is no file, as the lock of a run folder must be: remove it")
        self.took_over: str | None = None
        try:
            self._acquire()
        except BaseException as error:
            # Closing would try once more to write what could not be written.
            with contextlib.suppress(OSError):
                self._file.close()
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise

    def _acquire(self) -> None:
        before = self._read()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunLocked(f"{self.path.parent}: in use by {_name(self._read())}; wait for it, or end it") from error
        before = self._read()
        here = socket.gethostname()
        if before and before.get("host") != here:
            raise RunLocked(
                f"{self.path.parent}: in use by {_name(before)}; this host ({here}) can't see whether that process "
                f"still runs: if it does not, remove {self.path}"
            )
        self.took_over = _name(before) if before else None
        self._write(json.dumps({"pid": os.getpid(), "host": here}))

    def _read(self) -> dict[str, object]:
        """Return who holds the lock according to the file; empty if the file is unreadable."""
        self._file.seek(0)
        try:
            return parse_object(self._file.read(4096).encode("utf-8", "surrogateescape"))
        except Unreadable:
            return {}

    def _write(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()

    def release(self) -> None:
        """Let others in."""
        self._write("")
        self._file.close()

    def __enter__(self) -> RunLock:
        """The lock is held already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others in."""
        self.release()


def _unwritable(path: Path, error: OSError) -> BadConfig:
    return BadConfig(f"{path.parent}: can't be written ({error.strerror or error})")


def _name(holder: dict[str, object]) -> str:
    if not holder:
        return "another process, which has not written its name yet"
    return f"process {shown(holder.get('pid'))} on host {shown(holder.get('host'))}"
