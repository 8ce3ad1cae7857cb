"""Hooks on queues and on waiting: what several workers give comes in the order in which they happened to give it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import multiprocessing.connection
import multiprocessing.pool
import multiprocessing.queues
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .place import Place
from .recorder import Recorder
from .serial import WAIT


def install(recorder: Recorder) -> None:
    """Hook the queues of threads and of processes, where a line of the user's own takes something out."""
    for kind in (queue.Queue, multiprocessing.queues.Queue, multiprocessing.queues.SimpleQueue):
        for name in ("get", "get_nowait"):
            if hasattr(kind, name):
                setattr(kind, name, _taken(recorder, "Queue.get", getattr(kind, name)))

    class SimpleQueue(queue.SimpleQueue):  # type: ignore[type-arg]
        """The one of the standard library is written in C, so its methods can't be replaced."""

        get = _taken(recorder, "SimpleQueue.get", queue.SimpleQueue.get)
        get_nowait = _taken(recorder, "SimpleQueue.get", queue.SimpleQueue.get_nowait)

    SimpleQueue.__module__, SimpleQueue.__qualname__ = queue.SimpleQueue.__module__, "SimpleQueue"
    queue.SimpleQueue = SimpleQueue  # type: ignore[misc]
    _waits(recorder)
    _completion(recorder)
    _asyncio_completion(recorder)
    _callbacks(recorder)
    _races(recorder)


def _races(recorder: Recorder) -> None:
    """Note that threads, or tasks of an event loop, are started by the user's own lines."""
    start, create = threading.Thread.start, asyncio.BaseEventLoop.create_task

    @functools.wraps(start)
    def traced_start(self: threading.Thread) -> None:
        place = None if "threads" in recorder.racing else recorder.places.find(2)
        if place is not None:
            recorder.race("threads", place)
        start(self)

    @functools.wraps(create)
    def traced_create(self: Any, *args: Any, **kwargs: Any) -> Any:
        # One task alone, as `asyncio.run` makes it, races with nobody.
        place = None if "tasks" in recorder.racing else recorder.places.find(2)
        if place is not None and asyncio._get_running_loop() is self:
            recorder.race("tasks", place)
        return create(self, *args, **kwargs)

    threading.Thread.start = traced_start  # type: ignore[method-assign]
    asyncio.BaseEventLoop.create_task = traced_create  # type: ignore[method-assign]


def _callbacks(recorder: Recorder) -> None:
    """Hook what calls a function of the user's own as soon as a result is ready."""
    chains: dict[tuple[str, int], InTurn] = {}
    add, asynchronous = concurrent.futures.Future.add_done_callback, multiprocessing.pool.Pool.apply_async

    def noted(place: Place, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        chain = chains.setdefault((place.file, place.line), InTurn())
        number, forced = chain.take(), recorder.force.at("completion", place) is not None

        def call(result: Any) -> None:
            recorder.source("completion", "callback", number, f"result {number}", place=place)
            function(result)

        return (lambda result: chain.give(number, functools.partial(call, result))) if forced else call

    @functools.wraps(add)
    def traced_add(self: Any, fn: Callable[[Any], Any]) -> None:
        place = recorder.places.find() if not recorder.busy() and recorder.places.called_by_own() else None
        add(self, fn if place is None else noted(place, fn))

    @functools.wraps(asynchronous)
    def traced_asynchronous(
        self: Any, func: Any, args: Any = (), kwds: Any = None, callback: Any = None, error_callback: Any = None
    ) -> Any:
        place = recorder.places.find() if callback is not None and not recorder.busy() else None
        told = noted(place, callback) if place is not None and place.direct else callback
        return asynchronous(self, func, args, {} if kwds is None else kwds, told, error_callback)

    concurrent.futures.Future.add_done_callback = traced_add  # type: ignore[method-assign]
    multiprocessing.pool.Pool.apply_async = traced_asynchronous  # type: ignore[method-assign]


class InTurn:
    """Calls functions in the order of their numbers, whatever the order in which they come."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._taken = self._called = 0
        self._waiting: dict[int, Callable[[], object]] = {}

    def take(self) -> int:
        """Return the next number."""
        with self._lock:
            self._taken += 1
            return self._taken

    def give(self, number: int, function: Callable[[], object]) -> None:
        """Call the function of a number, once those of all before it were called."""
        with self._lock:
            self._waiting[number] = function
            while (following := self._waiting.pop(self._called + 1, None)) is not None:
                self._called += 1
                following()


def _waits(recorder: Recorder) -> None:
    """Hook what tells which of several pipes or futures are ready first."""
    multiprocessing.connection.wait = _pipes(recorder, multiprocessing.connection.wait)
    concurrent.futures.wait = concurrent.futures._base.wait = _futures(recorder, concurrent.futures.wait)
    asyncio.wait = asyncio.tasks.wait = _tasks(recorder, asyncio.wait)


def _note_ready(recorder: Recorder, name: str, asked: Sequence[Any], ready: Iterable[Any]) -> None:
    if not recorder.busy() and len(asked) > 1 and recorder.places.find(1) is not None:
        ranks = {id(one): rank for rank, one in enumerate(asked)}
        found = sorted(ranks.get(id(one), -1) for one in ready)
        recorder.source("completion", name, found, f"{', '.join(map(str, found))} of {len(asked)}")


def _only_first(recorder: Recorder, asked: Sequence[Any]) -> bool:
    """Whether the order is forced: then the first that was asked for is waited for."""
    return len(asked) > 1 and recorder.forced("completion") is not None


def _pipes(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def traced(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
        asked = list(object_list)
        ready: list[Any] = original(asked[:1], WAIT) if _only_first(recorder, asked) else []
        ready = ready or original(asked, timeout)
        _note_ready(recorder, "connection.wait", asked, ready)
        return ready

    return traced


def _futures(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def traced(fs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        asked = list(fs)
        if _only_first(recorder, asked) and concurrent.futures.FIRST_COMPLETED in (*args, *kwargs.values()):
            done = original(asked[:1], WAIT).done
            if done:
                return concurrent.futures._base.DoneAndNotDoneFutures(done, set(asked[1:]))
        ready = original(asked, *args, **kwargs)
        _note_ready(recorder, "futures.wait", asked, ready.done)
        return ready

    return traced


def _tasks(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def traced(fs: Iterable[Any], **kwargs: Any) -> Any:
        asked = list(fs)
        if _only_first(recorder, asked) and asyncio.FIRST_COMPLETED in kwargs.values():
            done, _ = await original(asked[:1], timeout=WAIT)
            if done:
                return done, set(asked[1:])
        ready = await original(asked, **kwargs)
        _note_ready(recorder, "asyncio.wait", asked, ready[0])
        return ready

    return traced


def _completion(recorder: Recorder) -> None:
    """Hook the functions that hand results over in the order in which they happen to be ready."""
    as_completed = concurrent.futures.as_completed

    @functools.wraps(as_completed)
    def traced(fs: Any, timeout: float | None = None) -> Iterator[Any]:
        futures = list(fs)
        if recorder.forced("completion") is not None:
            concurrent.futures.wait(futures, timeout)
            yield from futures
            return
        rank = {id(future): position for position, future in enumerate(futures)}
        for future in as_completed(futures, timeout):
            recorder.source("completion", "as_completed", rank[id(future)], f"future {rank[id(future)]}")
            yield future

    concurrent.futures.as_completed = traced
    concurrent.futures._base.as_completed = traced
    unordered = multiprocessing.pool.Pool.imap_unordered

    @functools.wraps(unordered)
    def traced_unordered(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        forced = recorder.forced("completion") is not None
        for result in (self.imap if forced else functools.partial(unordered, self))(*args, **kwargs):
            recorder.source("completion", "imap_unordered", result)
            yield result

    multiprocessing.pool.Pool.imap_unordered = traced_unordered  # type: ignore[method-assign, assignment]


def _asyncio_completion(recorder: Recorder) -> None:
    """Hook `asyncio.as_completed`: which task is ready first is known when its result is awaited."""
    original = asyncio.as_completed

    @functools.wraps(original)
    def traced(fs: Iterable[Any], **options: Any) -> Any:
        tasks = [asyncio.ensure_future(one) for one in fs]
        place = None if recorder.busy() else recorder.places.find(1)
        if place is not None and recorder.forced("completion") is not None:
            return iter(tasks)

        async def noted(task: Any) -> Any:
            result = await task
            recorder.source("completion", "asyncio.as_completed", result, place=place)
            return result

        made = original(tasks, **options)
        # From Python 3.13 on, `async for` gives the tasks themselves.
        return made if place is None or hasattr(made, "__aiter__") else map(noted, made)

    asyncio.as_completed = asyncio.tasks.as_completed = traced


def _taken(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that takes an item out, and notes which one came."""

    @functools.wraps(original)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        item = original(self, *args, **kwargs)
        if not recorder.busy() and recorder.places.called_by_own():
            recorder.source("completion", name, item, _shown(item))
        return item

    return traced


def _shown(item: Any) -> Any:
    """Return an item in few characters, with the actor's number or name where it stands first."""
    return item[0] if isinstance(item, (tuple, list)) and item else item
