"""Threads that call a native function together."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

Call = Callable[[], None]
_count = 1


def use(count: int) -> None:
    """Set how many threads of this process compute an update; no bit depends on it."""
    global _count
    _count = count


def used() -> int:
    """Return how many threads of this process compute an update."""
    return _count


class Crew:
    """Runs a function in this thread and in others at once. Threads are made when they are first needed, and kept."""

    def __init__(self) -> None:
        self._queues: list[SimpleQueue[Call | None]] = []
        self._done: SimpleQueue[None] = SimpleQueue()
        weakref.finalize(self, _dismiss, self._queues)

    def run(self, call: Call, threads: int) -> None:
        """Call `call` in `threads` threads, this one included; return when all have returned."""
        while len(self._queues) < threads - 1:
            self._queues.append(SimpleQueue())
            arguments = (self._queues[-1], self._done)
            threading.Thread(target=_work, args=arguments, name="sac-kernels", daemon=True).start()
        for queue in self._queues[: threads - 1]:
            queue.put(call)
        call()
        for _ in range(threads - 1):
            self._done.get()


def _work(queue: SimpleQueue[Call | None], done: SimpleQueue[None]) -> None:
    while (call := queue.get()) is not None:
        call()
        done.put(None)


def _dismiss(queues: list[SimpleQueue[Call | None]]) -> None:
    for queue in queues:
        queue.put(None)
