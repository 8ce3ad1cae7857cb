"""Memory that nobody has written: what it holds is noted, and made to differ between the runs.

By chance it holds the same in two runs, mostly zeros: then the runs are equal, and another machine's aren't. So every
run but the first finds a pattern there. Where it is forced, all of it is zero.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from .recorder import Recorder

STRESS = "memory"
PATTERN = 0x3F
"""Each byte of what other runs find there. As floats of any size it makes ordinary numbers, which neither are lost in a
sum nor drown what is added to them; as integers it makes large ones."""

FILLED = 1 << 24
"""Bytes of one array that are made to differ: a replay buffer of many gigabytes is never filled, nor is it here."""

LOOKED_AT = 1 << 20
"""Bytes of one array that are held against the other run's."""


def note(recorder: Recorder, name: str, address: int, size: int, kind: str, shown: str) -> None:
    """Note what memory holds that a function has just given.

    Args:
        recorder: of this process.
        name: of the function.
        address: of the memory.
        size: in bytes.
        kind: of its elements, as NumPy abbreviates it: `f`, `c`, `i`, `u` or `b`; others are left as they are.
        shown: what it is, in words.
    """
    if recorder.forced("uninitialised") is not None:
        ctypes.memset(address, 0, size)
    elif STRESS in recorder.stress and kind in "fciub":
        # A truth value is 0 or 1, and nothing else.
        ctypes.memset(address, 1 if kind == "b" else PATTERN, min(size, FILLED))
    recorder.source("uninitialised", name, ctypes.string_at(address, min(size, LOOKED_AT)), shown)


def install_numpy(recorder: Recorder, numpy: Any) -> None:
    """Hook `numpy.empty` and `numpy.empty_like` where a line of the user's own calls them."""
    for name in ("empty", "empty_like"):
        original = getattr(numpy, name)
        recorder.calls[original] = _of_numpy(recorder, f"numpy.{name}", original)


def _of_numpy(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        dtype = getattr(made, "dtype", None)
        if dtype is not None and made.nbytes and not dtype.hasobject and not recorder.busy():
            note(recorder, name, made.ctypes.data, made.nbytes, dtype.kind, f"{made.shape} of {dtype}")
        return made

    return traced
