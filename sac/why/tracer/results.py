"""Notes what each call of a line of the user's own gives: one that gives another value for equal arguments is a source.

It is a pass of its own, for runs of which nothing that is hooked tells why they part: what asks the system in compiled
code, reads a file of the system's, or takes a set to pieces in a library, is found by what happened, not by its name.
"""

from __future__ import annotations

import ast
import base64
import builtins
import pickle
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from .content import Uncompared, digest, short
from .place import Place
from .recorder import SOURCES_A_PLACE, Recorder

RESULT = "__sac_why_result__"
KIND = "result"
"""Kind of the sources; to force one, its name stands behind a colon."""

_OWN = "__sac_why_"
_FRAME = frozenset(("super", "locals", "globals", "vars", "dir", "eval", "exec", "compile", "print", "breakpoint"))
"""Builtins that look at the frame which calls them, or give nothing."""
_PURE = frozenset(
    ("isinstance", "issubclass", "type", "getattr", "setattr", "hasattr", "callable", "range", "property")
)
_PURE |= {"set", "frozenset", "len", "bool", "any", "all", "id", "hash", "staticmethod", "classmethod"}
"""Builtins that give equal values for equal arguments, in whatever order a set has its elements."""
SECONDS = 30.0
"""Time that a process spends on reading arguments and results; what comes later is not looked at."""
KEPT = 2000
"""Bytes of a pickled result that a run can be made to give again."""
_MANY = 100

_clock = time.monotonic


class Calling(ast.NodeTransformer):
    """Wraps what is called."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Wrap the function of a call."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and (node.func.id in _FRAME | _PURE or node.func.id.startswith(_OWN)):
            return node
        name = ast.copy_location(ast.Name(RESULT, ast.Load()), node.func)
        node.func = ast.copy_location(ast.Call(name, [node.func], []), node.func)
        return node


class _Calls:
    """What is known of the calls of one process.

    Args:
        recorder: of the process.
        given: what to call with a set that is handed over: it notes its order, and returns it or what stands for it.
    """

    def __init__(self, recorder: Recorder, given: Callable[[Any], Any]) -> None:
        self._recorder, self._given = recorder, given
        self._counts: Counter[tuple[str, Place]] = Counter()
        self._left = SECONDS

    def result(self, function: Any) -> Any:
        """Return a function that notes what it gives; the function itself if there is no need."""
        if self._left <= 0 or self._recorder.busy() or self._is_known(function):
            return function

        def traced(*args: Any, **kwargs: Any) -> Any:
            if not isinstance(getattr(function, "__self__", None), (set, frozenset)):
                args = tuple(map(self._handed, args))
                kwargs = {name: self._handed(value) for name, value in kwargs.items()}
            return self._call(function, args, kwargs)

        return traced

    def _is_known(self, function: Any) -> bool:
        """Whether a function is one of the user's own, whose lines are looked at themselves, or a hooked one."""
        plain = getattr(function, "__func__", function)
        if isinstance(plain, types.FunctionType):
            file = plain.__code__.co_filename
            return file.startswith(self._recorder.places.tracer) or self._recorder.places.own(file) is not None
        if isinstance(plain, type):
            code = getattr(vars(plain).get("__init__"), "__code__", None)
            return code is not None and self._recorder.places.own(code.co_filename) is not None
        return not callable(plain)

    def _handed(self, value: Any) -> Any:
        """Note the order of a set, or of those in a list, that is handed to a function."""
        if type(value) in (list, tuple) and 0 < len(value) <= _MANY:
            parts = [self._given(part) for part in value]
            unlike = any(part is not old for part, old in zip(parts, value, strict=True))
            return type(value)(parts) if unlike else value
        return self._given(value)

    def _call(self, function: Any, args: Any, kwargs: Any) -> Any:
        recorder, name = self._recorder, _name(function)
        place = recorder.places.find(3)
        if place is None:
            return function(*args, **kwargs)
        self._counts[name, place] += 1
        count = self._counts[name, place]
        if count > SOURCES_A_PLACE:
            return function(*args, **kwargs)
        unread: Uncompared = []
        asked = self._digest(getattr(function, "__self__", None)) + self._digest((args, kwargs), unread)
        clocks = recorder.clocks
        value = function(*args, **kwargs)
        site = recorder.forced(f"{KIND}:{name}")
        kept = None if site is None else site.values.get(f"{place.chain}:{count}")
        if kept is not None:
            value = pickle.loads(base64.b64decode(kept))
        uncompared: Uncompared = []
        found = self._digest(value, uncompared)
        if not uncompared:
            facts: dict[str, Any] = {"in": asked, "kept": _kept(value), "at": f"{place.chain}:{count}"}
            # An iterator may be another one, and what a library has asked of the clock may be told by the result.
            facts |= {word: True for word, so in (("unread", unread), ("timed", recorder.clocks > clocks)) if so}
            recorder.source(KIND, name, found, short(value), facts, place)
        return value

    def _digest(self, value: Any, uncompared: Uncompared | None = None) -> str:
        began = _clock()
        with self._recorder.quiet():
            try:
                return digest(value, uncompared)
            except Exception:
                return "unreadable"
            finally:
                self._left -= _clock() - began


def _name(function: Any) -> str:
    """Return the full name of a function, of a bound one with the class of its object."""
    owner = getattr(function, "__self__", None)
    name = str(getattr(function, "__qualname__", None) or type(function).__qualname__)
    module = getattr(function, "__module__", None)
    if module is None and owner is not None and not isinstance(owner, types.ModuleType):
        module = type(owner).__module__
    return name if module in (None, builtins.__name__) else f"{module}.{name}"


def _kept(value: Any) -> str | None:
    """Return a value as text, so that a later run can be made to give it again; None if that is too much."""
    try:
        made = pickle.dumps(value, 4)
    except Exception:
        return None
    return base64.b64encode(made).decode() if len(made) <= KEPT else None


class SortedSet(set):  # type: ignore[type-arg]
    """A set whose elements come in the order that it is given: what a library gets where a set's order is forced."""

    def __init__(self, ordered: Any = ()) -> None:
        self._ordered = list(ordered)
        super().__init__(self._ordered)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ordered)

    def __reduce__(self) -> tuple[Any, ...]:
        return set, (self._ordered,)


def helpers(recorder: Recorder, given: Callable[[Any], Any]) -> dict[str, Callable[..., Any]]:
    """Return what the wrapped lines call; each gives what the plain expression would."""
    return {RESULT: _Calls(recorder, given).result}
