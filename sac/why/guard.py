"""Runs a stranger's command, bounds what it writes, and lets nothing that it has started outlive the question.

The guard is a process of its own between `sac why` and the script. Whatever the script starts has the guard among its
ancestors, also where it leaves its group and session: an orphan is handed to the nearest "subreaper", which is the
guard. It ends all of them when it is told to, and when `sac why` has ended, however that ended: the pipe between them
is closed then.

Run as a script, ``guard.py LIFE REPORT OUTPUT TRACES PATH COMMAND…`` writes one line to the descriptor `REPORT` as soon
as the command has ended or gone beyond a limit. It needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

_PR_SET_CHILD_SUBREAPER = 36
_LOOK = 0.05
"""Seconds after which the guard looks at what was written."""

_SELDOM = 20
"""Every so many looks the traces are looked at too; there may be thousands of them."""

_GRACE = 3.0
"""Seconds in which a command may end by itself when it is told to."""

_SWEEP = 10.0
"""Seconds in which the system buries what was killed; a process may hang in it for longer, and does no more."""

OUTPUT, TRACES = 1 << 28, 1 << 33
"""Bytes that one run may print, and that its traces may have together."""

PRINTED, TRACED = "printed", "traced"
"""What the guard reports in place of a status where the command went beyond a limit."""

PATIENCE = _GRACE + _SWEEP + 5
"""Seconds after which a guard that was told to end everything has done so."""


class _Guard:
    """One command and all that it starts.

    Args:
        life: descriptor that is closed when the command is to end.
        report: descriptor to tell how it ended.
        output: bytes that the command may print.
        traces: bytes that its traces may have.
        path: of its first process's trace.
    """

    def __init__(self, life: int, report: int, output: int, traces: int, path: str) -> None:
        self._life, self._report = life, report
        self._output, self._traces, self._path = output, traces, path
        self._status: int | None = None
        self._told = False

    def run(self, command: Sequence[str]) -> None:
        """Run the command until it is to end."""
        # Only the script's own descriptors are handed on.
        process = subprocess.Popen(command, start_new_session=True)
        self._pid = process.pid
        looks = 0
        while not select.select([self._life], [], [], _LOOK)[0]:
            self._bury()
            beyond = self._beyond(traces=looks % _SELDOM == 0)
            looks += 1
            if beyond:
                self._kill()
                self._tell(beyond)
            elif self._status is not None:
                self._tell(str(self._status))
        self._end()

    def _tell(self, word: str) -> None:
        if not self._told:
            self._told = True
            os.write(self._report, f"{word}\n".encode())

    def _beyond(self, traces: bool) -> str:
        """Return what is larger than it may be; empty if nothing is. Traces are looked at where that is asked for."""
        if max(os.fstat(stream).st_size for stream in (1, 2)) > self._output:
            return PRINTED
        if not traces:
            return ""
        written = (os.stat(name).st_size for name in glob.glob(glob.escape(self._path) + "*") if os.path.exists(name))
        return TRACED if sum(written) > self._traces else ""

    def _bury(self) -> bool:
        """Take note of children that have ended; returns whether there are any left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                self._status = os.waitstatus_to_exitcode(status)

    def _end(self) -> None:
        """Ask the command to end, and kill what is there after some time, or as soon as it has."""
        end = time.monotonic() + _GRACE
        if self._status is None:
            _signal_group(self._pid, signal.SIGTERM)
        while self._status is None and time.monotonic() < end:
            self._bury()
            time.sleep(_LOOK / 5)
        self._kill()

    def _kill(self) -> None:
        """Kill the command and all that descends from it, until nothing is left."""
        end = time.monotonic() + _SWEEP
        while True:
            # The group is out of the way in one stroke, and is all that can be reached where there is no /proc.
            if self._status is None:
                _signal_group(self._pid, signal.SIGKILL)
            # What has been stopped starts nothing new while the others are killed.
            for kind in (signal.SIGSTOP, signal.SIGKILL):
                for pid in _descendants():
                    _signal(pid, kind)
            if not self._bury() or time.monotonic() > end:
                return
            time.sleep(_LOOK / 10)


def _signal(pid: int, number: int) -> None:
    # It may be gone, or another user's by now: `sudo`, for example.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _descendants() -> list[int]:
    """Return the processes below this one, the nearest first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    children.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
            except (OSError, IndexError):
                continue
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


def main(arguments: Sequence[str]) -> None:
    """Guard a command."""
    life, report, output, traces = map(int, arguments[:4])
    path, command = arguments[4], arguments[5:]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        # Who wants the command to end closes the pipe; and a command is told by its own group.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    # Elsewhere than on Linux, what leaves its group is out of reach.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _Guard(life, report, output, traces, path).run(command)


if __name__ == "__main__":
    main(sys.argv[1:])
