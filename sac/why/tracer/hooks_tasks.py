"""Hooks on pools of threads and on queues: what is handed in, and what is taken out, is numbered."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing.pool
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from . import tasks
from .recorder import Recorder

_TAKEN = "_sac_why_taken"


class _Task:
    """A function that is called in a thread of a pool, with a number as the name of what it does."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function, self._name = function, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return tasks.called_in(self._name, self._function, args, kwargs)


class _OfNumber(_Task):
    """The same of many calls; each is given a pair, of its number and its argument."""

    def __call__(self, pair: tuple[int, Any]) -> Any:
        number, item = pair
        return tasks.called_in(f"{self._name}.{number}", self._function, (item,), {})


class _OfNumberUnpacked(_Task):
    """The same where an item holds several arguments; `starmap` has unpacked the pair."""

    def __call__(self, number: int, items: Iterable[Any]) -> Any:
        return tasks.called_in(f"{self._name}.{number}", self._function, tuple(items), {})


def install(recorder: Recorder) -> None:
    """Number what is handed in to pools of threads."""
    handed: Counter[int] = Counter()

    def number() -> str:
        place = recorder.places.find(3)
        chain = 0 if place is None else place.chain
        handed[chain] += 1
        return f"{chain} {handed[chain]}"

    executor: Any = concurrent.futures.ThreadPoolExecutor
    submit = executor.submit

    @functools.wraps(submit)
    def traced(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, _Task(fn, number()), *args, **kwargs)

    executor.submit = traced
    _thread_pool(multiprocessing.pool.ThreadPool, number)
    kinds: tuple[Any, ...] = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
    for kind in kinds:
        kind._get = _counted(kind._get)


def _counted(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the method by which a queue gives an item, and which it locks for: what follows is work on it."""

    @functools.wraps(get)
    def traced(self: Any) -> Any:
        item = get(self)
        taken = self.__dict__[_TAKEN] = self.__dict__.get(_TAKEN, 0) + 1
        if threading.current_thread() is not threading.main_thread():
            tasks.take(f"item {taken}")
        return item

    return traced


def _thread_pool(pool: Any, number: Callable[[], str]) -> None:
    """Number the tasks of `multiprocessing.pool.ThreadPool`, whose methods are those of the pool of processes."""

    def apply_async(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        return super(pool, self).apply_async(_Task(func, number()), *args, **kwargs)

    def many(name: str, kind: type[_Task]) -> Callable[..., Any]:
        def numbered(self: Any, func: Any, iterable: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
            method = getattr(super(pool, self), name)
            return method(kind(func, number()), enumerate(iterable), *args, **kwargs)

        return numbered

    pool.apply_async = apply_async
    for name in ("map", "map_async", "imap", "imap_unordered"):
        setattr(pool, name, many(name, _OfNumber))
    for name in ("starmap", "starmap_async"):
        setattr(pool, name, many(name, _OfNumberUnpacked))
