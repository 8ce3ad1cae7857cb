"""Notes in which order threads, and tasks of an event loop, change what they share: a list, a dict, an attribute.

It is a pass of its own, for runs in which several were at work: the lines of the user's own that store something, or
change a container, are found as their modules are compiled. What is stored tells one arrival from another, and not the
thread: which of a pool's threads takes a task is a race that needn't matter.
"""

from __future__ import annotations

import ast
import asyncio
import collections
import functools
import threading
from collections.abc import Callable
from typing import Any

from .content import digest, short
from .recorder import Recorder

CHANGES = frozenset(
    (
        *("append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault"),
        *("pop", "popleft", "popitem", "remove", "discard", "clear", "write"),
    )
)
"""Methods that change a container."""

_CONTAINERS = (list, dict, set, bytearray, collections.deque)
STORED, CHANGED = "__sac_why_stored__", "__sac_why_changed__"


class Storing(ast.NodeTransformer):
    """Wraps what is stored into something that other functions may hold, and methods that change a container."""

    def __init__(self) -> None:
        self._shared: list[set[str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Look into a function."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Look into a function."""
        return self._function(node)

    def _function(self, node: ast.AST) -> ast.AST:
        said = [part for part in ast.walk(node) if isinstance(part, (ast.Global, ast.Nonlocal))]
        self._shared.append({name for part in said for name in part.names})
        self.generic_visit(node)
        self._shared.pop()
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Wrap what is assigned, if others may see it."""
        self.generic_visit(node)
        if self._shared and any(self._is_shared(target) for target in node.targets):
            node.value = _call(STORED, node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Wrap what is added, if others may see it."""
        self.generic_visit(node)
        if self._shared and self._is_shared(node.target):
            node.value = _call(STORED, node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Wrap a method that changes a container."""
        self.generic_visit(node)
        if self._shared and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            node.func = _call(CHANGED, node.func)
        return node

    def _is_shared(self, target: ast.expr) -> bool:
        """Whether others may see what is stored there."""
        if isinstance(target, (ast.Tuple, ast.List)):
            return any(map(self._is_shared, target.elts))
        return isinstance(target, (ast.Subscript, ast.Attribute)) or (
            isinstance(target, ast.Name) and target.id in self._shared[-1]
        )


def _call(helper: str, node: ast.expr) -> ast.expr:
    name = ast.copy_location(ast.Name(helper, ast.Load()), node)
    return ast.copy_location(ast.Call(name, [node], []), node)


def helpers(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    """Return what the wrapped lines call; each gives what the plain expression would."""

    def arrive(value: Any) -> None:
        kind = _actor()
        place = recorder.places.find(2) if kind else None
        if place is not None:
            # The thread is no part of the line's identity here: which of them comes first is the question.
            place = place._replace(chain=0)
            recorder.source("arrival", kind, digest(value), short(value), place=place)

    def stored(value: Any) -> Any:
        arrive(value)
        return value

    def changed(method: Any) -> Any:
        if not isinstance(getattr(method, "__self__", None), _CONTAINERS):
            return method

        @functools.wraps(method)
        def traced(*args: Any, **kwargs: Any) -> Any:
            arrive((args, kwargs) if kwargs else args)
            return method(*args, **kwargs)

        return traced

    return {STORED: stored, CHANGED: changed}


def _actor() -> str:
    """Return what this is one of: `threads`, `tasks`; empty where it is alone."""
    loop = asyncio._get_running_loop()
    if loop is not None and asyncio.current_task(loop) is not None:
        return "tasks"
    return "" if threading.current_thread() is threading.main_thread() else "threads"
