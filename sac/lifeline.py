"""A pipe that ends a process when the one that started it ends, however that ends.

The parent holds the writing end and never writes. The kernel closes it with the parent, and then kills whoever has
armed the reading end, even in the midst of a system call or with all signals ignored. What is armed belongs to the pipe
and stays so when the process becomes another program. (Linux's "parent death signal" strikes when the *thread* that
started a process ends, and only `preexec_fn` can ask for it, which may deadlock in a program with threads.)

Run as a script, ``lifeline.py DESCRIPTOR COMMAND...`` arms the pipe and becomes the command. It needs the standard
library alone.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from collections.abc import Sequence

CANNOT_START = 127
"""Exit status of a command that can't be started, as in a shell."""


class Lifeline:
    """The parent's side: one pipe for each process."""

    def __init__(self) -> None:
        self.descriptor, self._held = os.pipe()

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command line of the same program, tied to this pipe; pass it `descriptor`."""
        return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(self.descriptor), *command]

    def started(self) -> None:
        """Leave the reading end to the process that has been started."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def close(self) -> None:
        """Let go: the process is killed, if it still runs. Closing again does nothing."""
        self.started()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


def die_with_parent(descriptor: int) -> None:
    """Let the kernel kill this process once nobody holds the other end of the pipe.

    Args:
        descriptor: the reading end; it must stay open.
    """
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    # It may have been closed before the kernel was asked: nothing is ever written, so readable means closed.
    if select.select([descriptor], [], [], 0)[0]:
        os._exit(1)


def main(descriptor: int, command: list[str]) -> None:
    """Tie this process to the pipe and become the command."""
    die_with_parent(descriptor)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]!r}: can't be started: {error.strerror}", file=sys.stderr)
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
