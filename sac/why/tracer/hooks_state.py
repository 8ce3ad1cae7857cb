"""Hooks on what the user's own lines ask beside draws and clocks: a generator's state, a thread's number, a device."""

from __future__ import annotations

import _thread
import functools
import io
import random
import threading
from collections.abc import Callable
from typing import Any

from . import hooks_python
from .force import NUMBER
from .recorder import Recorder, current

CALLED = frozenset(("getstate", "get_state", "get_rng_state", "get_native_id", "get_ident"))
"""Names of what is looked up in `Recorder.calls` where a line of the user's own calls it."""


def install(recorder: Recorder) -> None:
    """Hook what the standard library offers."""
    reads(recorder, hooks_python.GLOBAL, random.getstate)
    for module in (threading, _thread):
        for name in ("get_native_id", "get_ident"):
            original = getattr(module, name)
            recorder.calls[original] = _number_of_thread(recorder, name, original)


def install_socket(recorder: Recorder, socket: Any) -> None:
    """Hook what the system has called a socket: its port, where nobody chose one."""
    original = socket.socket.getsockname

    @functools.wraps(original)
    def traced(self: Any) -> Any:
        name = original(self)
        if recorder.busy() or not recorder.places.called_by_own() or not isinstance(name, tuple):
            return name
        if recorder.forced("entropy") is not None:
            name = (name[0], NUMBER, *name[2:])
        recorder.source("entropy", "socket.getsockname", name, facts={"via": []})
        return name

    socket.socket.getsockname = traced


def reads(recorder: Recorder, generator: str, original: Callable[..., Any]) -> None:
    """Note where a line of the user's own reads the state of a global generator that nobody has seeded."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        state = original(*args, **kwargs)
        if generator not in recorder.generators.seeded:
            recorder.source("state", generator, repr(state), "its state")
        return state

    recorder.calls[original] = traced


def _number_of_thread(recorder: Recorder, name: str, original: Callable[[], int]) -> Callable[[], int]:
    @functools.wraps(original)
    def traced() -> int:
        number = NUMBER if recorder.forced("pid") is not None else original()
        recorder.source("pid", f"threading.{name}", number)
        return number

    return traced


_DEVICES = ("/dev/urandom", "/dev/random")


class _Device(io.BufferedReader):
    """The system's device of entropy, opened as a file."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes, as a source of entropy."""
        read, recorder = super().read(size), current()
        site = recorder.forced("entropy")
        read = read if site is None else site.stream(len(read))
        recorder.source("entropy", self.name, read.hex(), facts={"via": []})
        return read


def as_device(made: Any) -> Any:
    """Return a file that was opened; in place of a device of entropy, one whose reading is seen."""
    if type(made) is io.BufferedReader and made.name in _DEVICES:
        # The descriptor goes over to it.
        return _Device(made.detach())
    return made


def install_timeit(recorder: Recorder, timeit: Any) -> None:
    """Hook what measures how long code takes: a line of the user's own gets a time."""
    original = timeit.Timer.timeit

    @functools.wraps(original)
    def traced(self: Any, *args: Any, **kwargs: Any) -> float:
        spent: float = original(self, *args, **kwargs)
        if recorder.busy() or not recorder.places.near_own():
            return spent
        site = recorder.forced("clock")
        spent = spent if site is None else site.later(0.0)
        recorder.source("clock", "timeit.timeit", spent)
        return spent

    timeit.Timer.timeit = traced
