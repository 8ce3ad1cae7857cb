"""SIGINT and SIGTERM: the first asks the run to stop at the end of its iteration, the second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal stopped the run, after a checkpoint; the message says how to resume."""


class StopSignals:
    """Remembers the first signal while entered; `requested` names it."""

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether a signal has come."""
        return self.requested is not None

    def __enter__(self) -> StopSignals:
        """Take the signals over, if this is the thread that receives them."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.requested is not None:
            _tell(f"\n{name} again: ended at once, without a checkpoint\n")
            os._exit(128 + number)
        self.requested = name
        _tell(_NOTICE.format(name))


def _tell(text: str) -> None:
    """Write to standard error, if there is one that takes it; a signal is no reason to fail.

    Not through a buffered stream: the signal may have come in the middle of a write to it.
    """
    with contextlib.suppress(OSError, ValueError):
        if sys.__stderr__ is not None:
            os.write(sys.__stderr__.fileno(), text.encode())


_NOTICE = "\n{}: stopping after this iteration, with a checkpoint (again: at once)\n"
