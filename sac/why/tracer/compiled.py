"""Replaces methods of classes that are written in C: the class stays the same object, and so does its name.

Python lets nobody assign to such a class, but its namespace is an ordinary dictionary behind a read-only view.
"""

from __future__ import annotations

import ctypes
import functools
import gc
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def wrap_method(owner: type, name: str, wrapper: Callable[[Method], Method]) -> None:
    """Replace the method `name` of `owner` by what `wrapper` makes of it; methods that are missing are passed over."""
    namespace: dict[str, Any] = gc.get_referents(vars(owner))[0]
    original = namespace.get(name)
    if original is None or hasattr(original, "_sac_why"):
        return
    traced = functools.wraps(original)(wrapper(original))
    traced._sac_why = True  # type: ignore[attr-defined]
    namespace[name] = traced
    # Python remembers which method a name stands for.
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))
