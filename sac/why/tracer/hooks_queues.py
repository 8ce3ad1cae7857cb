"""Hooks on queues: what several workers put in comes out in the order in which they happened to put it."""

from __future__ import annotations

import functools
import multiprocessing.queues
import queue
from collections.abc import Callable
from typing import Any

from .content import as_array
from .recorder import Recorder


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


def _taken(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that takes an item out, and notes which one came."""

    @functools.wraps(original)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        item = original(self, *args, **kwargs)
        if not recorder.busy() and recorder.places.called_by_own():
            recorder.source("completion", name, _content(item), _shown(item))
        return item

    return traced


def _content(item: Any) -> Any:
    """Return what tells an item from others: of an object, such as a transition, its attributes."""
    return item if as_array(item) is not None else getattr(item, "__dict__", item)


def _shown(item: Any) -> Any:
    """Return an item in few characters, with the actor's number or name where it stands first."""
    return item[0] if isinstance(item, (tuple, list)) and item else item
