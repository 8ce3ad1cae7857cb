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
    original = _namespace(owner).get(name)
    if original is not None and not hasattr(original, "_sac_why"):
        _put(owner, name, _named(original, wrapper(original)))


def wrap_class_method(owner: type, name: str, wrapper: Callable[[Method], Method]) -> None:
    """Replace a class method; `wrapper` gets and returns a function that is told the class first."""
    original = _namespace(owner).get(name)
    if original is None or hasattr(original, "_sac_why"):
        return

    def plain(asked: type, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(None, asked)(*args, **kwargs)

    made: Any = classmethod(_named(original, wrapper(plain)))
    made._sac_why = True
    _put(owner, name, made)


def _namespace(owner: type) -> dict[str, Any]:
    namespace: dict[str, Any] = gc.get_referents(vars(owner))[0]
    return namespace


def _named(original: Any, traced: Method) -> Method:
    """Return a function that goes by another one's name, and can be told from it."""
    traced = functools.wraps(original)(traced)
    traced._sac_why = True  # type: ignore[attr-defined]
    return traced


def _put(owner: type, name: str, method: Any) -> None:
    _namespace(owner)[name] = method
    # Python remembers which method a name stands for.
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))
