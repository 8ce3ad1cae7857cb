"""Makes the order of sets, `hash`, `id` and `datetime.now` visible, in the user's own modules.

Python offers no hook for them. So the syntax tree of a module is changed between parsing and compiling, its file is
not: `for x in names` becomes `for x in order(names)`, where `order` returns what it is given. Line numbers stay.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable
from types import CodeType
from typing import Any

from .recorder import Recorder

_ORDERED_BY = {"list", "tuple", "enumerate", "iter", "zip", "map", "sum", "filter", "next"}
_CLOCKS = {"now", "utcnow", "today"}
# A name that ends in underscores too isn't mangled inside of a class.
_HELPER = "__sac_why_{}__"
_ADDRESS = re.compile(r"0x[0-9a-f]+")


class _Rewriter(ast.NodeTransformer):
    """Wraps iterables, and replaces the names `id` and `hash` where they are the builtins."""

    def __init__(self, tree: ast.AST) -> None:
        self._assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _is_target(node)}
        self._assigned |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        self._assigned |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _call("order", node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = node.iter if node.is_async else _call("order", node.iter)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = _call("order", node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if (name in _ORDERED_BY and name not in self._assigned) or method == "join":
            node.args = [part if isinstance(part, ast.Starred) else _call("order", part) for part in node.args]
        return _call("clock", node) if method in _CLOCKS else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in ("id", "hash") and node.id not in self._assigned:
            return ast.copy_location(ast.Name(_HELPER.format(node.id), ast.Load()), node)
        return node


def _is_target(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _call(helper: str, node: ast.expr) -> ast.expr:
    """Return the call of a helper on an expression, at the same place in the file."""
    name = ast.copy_location(ast.Name(_HELPER.format(helper), ast.Load()), node)
    return ast.copy_location(ast.Call(name, [node], []), node)


def compile_own(source: bytes | str, path: str) -> CodeType:
    """Compile a module of the user's own with the helpers' calls in it."""
    tree = ast.parse(source, path)
    rewritten = ast.fix_missing_locations(_Rewriter(tree).visit(tree))
    code: CodeType = compile(rewritten, path, "exec", dont_inherit=True)
    return code


def install(recorder: Recorder) -> None:
    """Put the helpers where every module finds them, and rewrite the user's modules as they are imported."""

    def order(iterable: Any) -> Any:
        if type(iterable) in (set, frozenset) and len(iterable) > 1:
            shown = [_ADDRESS.sub("0x…", repr(item)) for _, item in zip(range(1000), iterable, strict=False)]
            recorder.source("set-order", type(iterable).__name__, shown, ", ".join(shown))
        return iterable

    def traced_hash(value: object) -> int:
        number = hash(value)
        if not isinstance(value, (int, float, complex)):
            recorder.source("hash", "hash", number)
        return number

    def traced_id(value: object) -> int:
        number = id(value)
        recorder.source("id", "id", number)
        return number

    def clock(value: Any) -> Any:
        if type(value).__module__ == "datetime":
            recorder.source("clock", "datetime", value.isoformat(), value.isoformat())
        return value

    helpers: dict[str, Callable[..., Any]] = {"order": order, "hash": traced_hash, "id": traced_id, "clock": clock}
    for name, helper in helpers.items():
        setattr(builtins, _HELPER.format(name), helper)
    _rewrite_imports(recorder)


def _rewrite_imports(recorder: Recorder) -> None:
    """Compile the user's own modules from their source, past the cache of compiled modules."""
    from importlib.machinery import SourceFileLoader

    plain = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if recorder.places.own(path) is None:
            return plain(self, fullname)
        return compile_own(self.get_data(path), path)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
