"""Hooks on what lines of the user's own ask without a draw: a generator's state, the number of a thread."""

from __future__ import annotations

import _thread
import functools
import random
import threading
from collections.abc import Callable
from typing import Any

from . import hooks_python
from .force import NUMBER
from .recorder import Recorder

CALLED = frozenset(("getstate", "get_state", "get_rng_state", "get_native_id", "get_ident"))
"""Names of what is looked up in `Recorder.calls` where a line of the user's own calls it."""


def install(recorder: Recorder) -> None:
    """Hook what the standard library offers."""
    reads(recorder, hooks_python.GLOBAL, random.getstate)
    for module in (threading, _thread):
        for name in ("get_native_id", "get_ident"):
            original = getattr(module, name)
            recorder.calls[original] = _number_of_thread(recorder, name, original)


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
