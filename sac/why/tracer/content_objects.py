"""What objects are made of: their fields, or what a pickle of them would hold; and what has no content but its name."""

from __future__ import annotations

import _thread
import copyreg
import functools
import io
import os
import socket
import sys
import threading
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from .own_paths import unplaced

_HANDLES: tuple[type, ...] = (
    *(_thread.LockType, type(threading.RLock()), threading.Thread, _thread._local, types.ModuleType, types.FrameType),
    *(io.IOBase, socket.socket, weakref.ref, types.TracebackType),
)
"""What leads to something outside of the value: two of a sort have no content that could differ."""
_HEAP = 1 << 9
_OF_C = (types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType)
_UNREADABLE = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_OF_TORCH = ("device", "dtype", "layout", "memory_format", "qscheme", "Stream", "Event")
_CACHES = frozenset(("_hash", "__hash", "_mhash", "_cached_hash", "_hashvalue", "__weakref__", "__dict__"))
"""Attributes that may hold a value of `hash()`, which is another one in every process."""


def identity(kind: Any) -> str:
    """Return the full name of a class or a function."""
    return f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', getattr(kind, '__name__', '?'))}"


def handle(value: Any) -> str | None:
    """Return what stands for a value that has no content of its own: a class, a lock, a file; None for others."""
    if isinstance(value, type):
        return identity(value)
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, os.PathLike) and type(value).__module__ in ("pathlib", "pathlib._local"):
        return unplaced(os.fspath(value))
    if isinstance(value, _HANDLES) and not isinstance(value, (io.StringIO, io.BytesIO)):
        return f"a {identity(type(value))}"
    if type(value).__module__ == "torch" and type(value).__name__ in _OF_TORCH:
        return str(value) if type(value).__name__ not in ("Stream", "Event") else f"a {type(value).__name__}"
    if isinstance(value, (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)):
        owner = getattr(value, "__self__", None)
        return identity(value) if owner is None or isinstance(owner, (type, types.ModuleType)) else None
    return None


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of an object; None for one whose content lies in compiled code, or elsewhere."""
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, (types.MethodType, types.BuiltinMethodType)):
        return {"self": value.__self__, "name": value.__name__}
    if isinstance(value, functools.partial):
        return {"function": value.func, "arguments": value.args, "options": value.keywords}
    if isinstance(value, (io.StringIO, io.BytesIO)):
        return {"content": value.getvalue(), "at": value.tell()}
    if isinstance(value, types.CodeType):
        return {"name": value.co_qualname if sys.version_info >= (3, 11) else value.co_name}
    if isinstance(value, types.CellType):
        return {"content": value.cell_contents} if _is_filled(value) else {}
    kind: Any = type(value)
    if isinstance(value, _UNREADABLE) or not _is_plain_class(kind):
        return None
    found = {name: getattr(value, name) for name in _slots(kind) if hasattr(value, name)}
    found |= getattr(value, "__dict__", {})
    return {name: part for name, part in found.items() if name not in _CACHES}


def _of_function(function: types.FunctionType) -> Mapping[str, Any]:
    """Return what tells a function from others: its name, its code, and what it holds."""
    code = function.__code__
    held = [cell for cell in function.__closure__ or () if _is_filled(cell)]
    shown = {"name": identity(function), "code": code.co_code, "line": code.co_firstlineno, "names": code.co_names}
    return {**shown, "defaults": function.__defaults__, "held": [cell.cell_contents for cell in held]}


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


@functools.lru_cache(4096)
def _is_plain_class(kind: Any) -> bool:
    """Whether all that instances hold lies in their attributes: every base but `object` is written in Python."""
    return not any(_is_compiled(one) for one in kind.__mro__ if one is not object)


def _is_compiled(kind: type) -> bool:
    """Whether a class is written in C: it has methods or properties of its own that are."""
    own = (part for name, part in vars(kind).items() if name not in ("__dict__", "__weakref__"))
    return not kind.__flags__ & _HEAP or any(
        isinstance(part, _OF_C) and getattr(part, "__objclass__", None) is kind for part in own
    )


@functools.lru_cache(4096)
def _slots(kind: Any) -> tuple[str, ...]:
    """Return the names of a class's slots, and of those of its bases."""
    return tuple(name for name in copyreg._slotnames(kind) if name not in _CACHES)  # type: ignore[attr-defined]


def reduced(value: Any) -> Any:
    """Return what a pickle of an object would hold, with its items read out; None where there can be none."""
    if isinstance(value, (*_UNREADABLE, Iterator)):
        # To read it is to use it up.
        return None
    try:
        reducer = copyreg.dispatch_table.get(type(value))
        made = value.__reduce_ex__(4) if reducer is None else reducer(value)
    except Exception:
        return None
    if isinstance(made, str):
        return made
    function, arguments, *more = made
    state, *items = [*more, None, None, None][:3]
    return [function, arguments, state, *(None if one is None else list(one) for one in items)]
