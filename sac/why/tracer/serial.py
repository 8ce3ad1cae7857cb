"""Lets threads and processes come one after the other, where that is forced: no race is left to decide anything."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing.pool
import multiprocessing.process
import threading
from collections.abc import Callable
from typing import Any

from .recorder import Recorder

WAIT = 1.0
"""Seconds that a thread or process is waited for; one that serves for as long as the script runs goes on beside it."""

_POOLS = ("multiprocessing.pool", "concurrent.futures.thread", "concurrent.futures.process")


def install(recorder: Recorder) -> None:
    """Take the races out of this process, if that is asked for."""
    if "serial" not in recorder.force:
        return
    for kind in (threading.Thread, multiprocessing.process.BaseProcess):
        kind.start = _waiting(kind.start)  # type: ignore[attr-defined]
    for executor in (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor):
        executor.submit = _in_turn(executor.submit)  # type: ignore[method-assign]
    plain = multiprocessing.pool.Pool.__init__

    @functools.wraps(plain)
    def init(self: Any, processes: int | None = None, *args: Any, **kwargs: Any) -> None:
        plain(self, 1, *args, **kwargs)

    multiprocessing.pool.Pool.__init__ = init  # type: ignore[method-assign]


def _waiting(start: Callable[..., None]) -> Callable[..., None]:
    """Return a `start` that waits until what it started has ended."""

    @functools.wraps(start)
    def traced(self: Any) -> None:
        start(self)
        if getattr(getattr(self, "_target", None), "__module__", "") not in _POOLS:
            self.join(WAIT)

    return traced


def _in_turn(submit: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `submit` that waits until the task is done."""

    @functools.wraps(submit)
    def traced(*args: Any, **kwargs: Any) -> Any:
        future = submit(*args, **kwargs)
        concurrent.futures.wait([future], WAIT)
        return future

    return traced
