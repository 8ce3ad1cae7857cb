"""Lets threads and processes come one after the other, where that is forced: no race is left to decide anything."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import multiprocessing.pool
import multiprocessing.process
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from .recorder import Recorder

WAIT = 1.0
"""Seconds that a thread or process is waited for; one that serves for as long as the script runs goes on beside it."""

PATIENCE = 120.0
"""Seconds, of all processes together, that one which goes on computing is waited for beyond that."""

PAUSE = 0.0005
"""Seconds between two looks at a queue that is being filled."""

_TURNS = "_sac_why_turns"

_POOLS = ("multiprocessing.pool", "concurrent.futures.thread", "concurrent.futures.process")


def install(recorder: Recorder) -> None:
    """Take the races out of this process, if that is asked for."""
    if "serial" not in recorder.force:
        return
    kinds: tuple[Any, ...] = (threading.Thread, multiprocessing.process.BaseProcess)
    for kind in kinds:
        kind.start = _waiting(kind.start)
    for executor in (concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor):
        executor.submit = _in_turn(executor.submit)  # type: ignore[method-assign]
    pools: tuple[Any, ...] = (multiprocessing.pool.Pool, concurrent.futures.ProcessPoolExecutor)
    for pool in pools:
        pool.__init__ = _with_one(pool.__init__)
    # Queues of other orders inherit it.
    queue.Queue.put = _by_turns(queue.Queue.put)  # type: ignore[method-assign]
    queue.Queue.get = _refilled(queue.Queue.get)  # type: ignore[method-assign]
    asyncio.BaseEventLoop.create_task = _after_its_elder(asyncio.BaseEventLoop.create_task)  # type: ignore[method-assign]


def _after_its_elder(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `create_task` whose tasks begin when the last one that the same task has made is done."""
    elders: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    async def in_turn(elder: Any, coroutine: Any) -> Any:
        await asyncio.wait([elder], timeout=WAIT)
        return await coroutine

    @functools.wraps(create)
    def traced(self: Any, coro: Any, **kwargs: Any) -> Any:
        parent = asyncio.current_task(self) if asyncio._get_running_loop() is self else None
        if parent is None or not asyncio.iscoroutine(coro):
            return create(self, coro, **kwargs)
        elder = elders.get(parent)
        elders[parent] = task = create(self, coro if elder is None else in_turn(elder, coro), **kwargs)
        return task

    return traced


def install_loky(recorder: Recorder, module: Any) -> None:
    """Let a pool of joblib's have one worker, if that is asked for; it asks for another number whenever it is used."""
    if "serial" not in recorder.force:
        return
    if hasattr(module, "_ReusablePoolExecutor"):
        module._ReusablePoolExecutor._resize = _with_one(module._ReusablePoolExecutor._resize)
    else:
        module.ProcessPoolExecutor.__init__ = _with_one(module.ProcessPoolExecutor.__init__)


def _with_one(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a pool that is told of one worker, whatever it is asked for."""

    @functools.wraps(method)
    def traced(self: Any, workers: int | None = None, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("max_workers", None)
        kwargs.pop("processes", None)
        return method(self, 1, *args, **kwargs)

    return traced


def _waiting(start: Callable[..., None]) -> Callable[..., None]:
    """Return a `start` that waits until what it started has ended."""

    @functools.wraps(start)
    def traced(self: Any) -> None:
        start(self)
        if getattr(getattr(self, "_target", None), "__module__", "") not in _POOLS:
            self.join(WAIT)
            if isinstance(self, multiprocessing.process.BaseProcess):
                _wait_while_it_computes(self)

    return traced


_patience = [PATIENCE]


def _wait_while_it_computes(process: multiprocessing.process.BaseProcess) -> None:
    """Wait until a process has ended; or until it has been idle for a while, since it may wait for what comes later."""
    spent = _processor_time(process.pid)
    while process.is_alive() and _patience[0] > 0:
        process.join(WAIT)
        _patience[0] -= WAIT
        before, spent = spent, _processor_time(process.pid)
        if spent == before:
            return


def _processor_time(pid: int | None) -> int:
    """Return the processor time that a process has had, in ticks; 0 where the system doesn't tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _in_turn(submit: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `submit` that waits until the task is done."""

    @functools.wraps(submit)
    def traced(*args: Any, **kwargs: Any) -> Any:
        future = submit(*args, **kwargs)
        concurrent.futures.wait([future], WAIT)
        return future

    return traced


class _Turns:
    """Whose turn it is to put something into a queue: threads that go on for as long as the script runs take turns."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._members: list[threading.Thread] = []
        self._inside: set[threading.Thread] = set()
        self._putting = False

    def begin(self, thread: threading.Thread) -> None:
        """Wait until it is a thread's turn; not for ever, since the others may have nothing to put any more."""
        with self._changed:
            if thread not in self._members:
                self._members.append(thread)
            self._inside.add(thread)
            while self._first() is not thread and (self._changed.wait(WAIT) or self._putting):
                # Whoever waits for room in the queue has its turn as long as that takes.
                pass
            self._putting = True

    def end(self, thread: threading.Thread) -> None:
        """Let the others come before a thread's next turn."""
        with self._changed:
            self._putting = False
            self._inside.discard(thread)
            self._members.remove(thread)
            self._members.append(thread)
            self._changed.notify_all()

    def rest(self, full: Callable[[], bool]) -> None:
        """Wait until all threads that live wait to put something, and one of them for room; not for ever."""
        end = time.monotonic() + WAIT
        with self._changed:
            while time.monotonic() < end:
                living = [thread for thread in self._members if thread.is_alive()]
                if not living or (full() and all(thread in self._inside for thread in living)):
                    return
                self._changed.wait(PAUSE)

    def _first(self) -> threading.Thread:
        while not self._members[0].is_alive():
            del self._members[0]
        return self._members[0]


def _by_turns(put: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `put` whose threads, but for the main one, take turns in the order of their first items."""

    @functools.wraps(put)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        thread = threading.current_thread()
        if thread is threading.main_thread():
            return put(self, *args, **kwargs)
        turns = self.__dict__.setdefault(_TURNS, _Turns())
        turns.begin(thread)
        try:
            return put(self, *args, **kwargs)
        finally:
            turns.end(thread)

    return traced


def _refilled(get: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `get` that waits until a queue with bounds is full again: whoever fills it works only meanwhile."""

    @functools.wraps(get)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = get(self, *args, **kwargs)
        turns = self.__dict__.get(_TURNS)
        if turns is not None and self.maxsize > 0:
            # Of those who fill it, one waits in the queue's own condition, and the others for their turns.
            turns.rest(lambda: bool(self.not_full._waiters))
        return made

    return traced
