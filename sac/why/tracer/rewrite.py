"""Makes the order of sets, `hash` and `id` visible, in the user's own modules.

Python offers no hook for them. So the syntax tree of a module is changed between parsing and compiling, its file is
not: `for x in names` becomes `for x in order(names)`, where `order` returns what it is given. Line numbers stay.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import re
import weakref
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, cast

from . import arrivals, hooks_saving, hooks_state, results
from .content import digest
from .hooks_torch import CALLED
from .recorder import Recorder, current

_ORDERED_BY = {
    *("list", "tuple", "enumerate", "iter", "zip", "map", "sum", "filter", "next", "deque", "dict", "OrderedDict"),
    *("fromkeys", "join", "extend", "chain", "islice", "product", "combinations", "permutations", "cycle", "reduce"),
    *("accumulate", "array", "asarray", "tensor", "as_tensor", "Counter", "Series", "Index", "DataFrame", "starmap"),
    *("fromiter", "from_iterable", "zip_longest", "pairwise", "groupby", "takewhile", "dropwhile", "filterfalse"),
    *(
        "nsmallest",
        "nlargest",
        "mode",
        "multimode",
        "writelines",
        "writerow",
        "extendleft",
        "choices",
        "batched",
        "tee",
    ),
}
"""Functions and methods whose result has the order of what they are given."""
_ORDERED_BY_KEY = {"sorted", "min", "max"}
"""Functions whose result has that order where keys tie."""
_SHOWN_BY = {"str", "repr", "ascii", "format", "print"}
"""Functions and methods that make text, which shows a set in its order."""
_SETS = (set, frozenset, weakref.WeakSet)
_OF_SETS = tuple(kind.__iter__ for kind in _SETS)
"""How sets are iterated over; a class that derives from one may keep an order."""
# A name that ends in underscores too isn't mangled inside of a class.
_HELPER = "__sac_why_{}__"
_ADDRESS = re.compile(r"0x[0-9a-f]+")
_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)


class _Rewriter(ast.NodeTransformer):
    """Wraps iterables, and replaces the names `id` and `hash` where they are the builtins.

    Args:
        tree: of the module.
        called: names of functions that are looked up as they are called.
        restored: lines whose statements give generators back their states.
    """

    def __init__(self, tree: ast.AST, called: frozenset[str], restored: set[int]) -> None:
        self._assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and _is_target(node)}
        self._assigned |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        self._assigned |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self._called, self._restored = called, restored

    def visit(self, node: ast.AST) -> Any:
        made = super().visit(node)
        if not (self._restored and isinstance(node, _SIMPLE)):
            return made
        if self._restored.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1)):
            return made
        name = ast.copy_location(ast.Name(_HELPER.format("restore"), ast.Load()), node)
        item = ast.withitem(ast.copy_location(ast.Call(name, [], []), node))
        return ast.copy_location(ast.With([item], [made]), node)

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

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        self.generic_visit(node)
        node.value = _call("order", node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if any(map(_takes_all, node.targets)):
            node.value = _call("order", node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        # What can be added is no set: a list takes it in its order.
        if isinstance(node.op, ast.Add) and not isinstance(node.value, ast.Constant):
            node.value = _call("order", node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        by_key = (name or method) in _ORDERED_BY_KEY and any(word.arg == "key" for word in node.keywords)
        if by_key or (name in _ORDERED_BY and name not in self._assigned) or method in _ORDERED_BY:
            node.args = [part if isinstance(part, ast.Starred) else _call("order", part) for part in node.args]
        if (name in _SHOWN_BY and name not in self._assigned) or method == "format":
            node.args = [part if isinstance(part, ast.Starred) else _call("text", part) for part in node.args]
        if isinstance(node.func, ast.Attribute) and method == "pop" and not node.args:
            node.func = _call("pop", node.func.value)
        elif (name or method) in self._called:
            node.func = _call("called", node.func)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        if node.format_spec is None:
            node.value = _call("text", node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        made_of = node.left.value if isinstance(node.left, ast.Constant) else None
        if isinstance(node.op, ast.Mod) and isinstance(made_of, str):
            if isinstance(node.right, ast.Tuple):
                parts = node.right.elts
                node.right.elts = [part if isinstance(part, ast.Starred) else _call("text", part) for part in parts]
            else:
                node.right = _call("text", node.right)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in ("id", "hash") and node.id not in self._assigned:
            return ast.copy_location(ast.Name(_HELPER.format(node.id), ast.Load()), node)
        return node


def _is_target(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _takes_all(target: ast.expr) -> bool:
    """Whether all elements of what is assigned are taken out one by one."""
    is_slice = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)
    return isinstance(target, (ast.Tuple, ast.List)) or is_slice


def _call(helper: str, node: ast.expr) -> ast.expr:
    """Return the call of a helper on an expression, at the same place in the file."""
    name = ast.copy_location(ast.Name(_HELPER.format(helper), ast.Load()), node)
    return ast.copy_location(ast.Call(name, [node], []), node)


def compile_own(source: bytes | str, path: str) -> CodeType:
    """Compile a module of the user's own with the helpers' calls in it."""
    code: CodeType = compile(rewritten(ast.parse(source, path), path), path, "exec", dont_inherit=True)
    return code


def rewritten(tree: ast.AST, path: str) -> Any:
    """Return the syntax tree of a module of the user's own with the helpers' calls in it."""
    recorder = current()
    restored = recorder.force.lines("restore", recorder.places.own(path) or "")
    tree = arrivals.Storing().visit(tree) if recorder.arrivals else tree
    tree = _Rewriter(tree, CALLED | hooks_saving.CALLED | hooks_state.CALLED, restored).visit(tree)
    return ast.fix_missing_locations(results.Calling().visit(tree) if recorder.results else tree)


def install(recorder: Recorder) -> None:
    """Put the helpers where every module finds them, and rewrite the user's modules as they are imported."""

    def called(function: Any) -> Any:
        try:
            return recorder.calls.get(function, function)
        except TypeError:
            return function

    @contextlib.contextmanager
    def restore() -> Iterator[None]:
        # What is done in between happens in one of the runs only, and is no part of the comparison.
        with recorder.quiet():
            put_back = recorder.generators.save()
            try:
                yield
            finally:
                put_back()

    helpers: dict[str, Callable[..., Any]] = {"called": called, "restore": restore, **_helpers(recorder)}
    for name, helper in helpers.items():
        setattr(builtins, _HELPER.format(name), helper)
    order = helpers["order"]

    def given(value: Any) -> Any:
        if not is_set(value):
            return value
        ordered = order(value)
        return value if ordered is value else results.SortedSet(ordered)

    for name, helper in {**arrivals.helpers(recorder), **results.helpers(recorder, given)}.items():
        setattr(builtins, name, helper)
    _rewrite_imports(recorder)


def _helpers(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    """Return what makes sources of Python itself visible; each returns what the plain expression would."""
    return {**_of_sets(recorder), **_of_objects(recorder)}


def is_set(value: Any) -> bool:
    """Whether something has the order of a set, if it is iterated over."""
    # `isinstance` would ask the object for its class, and proxies may raise anything then.
    kind: Any = type(value)
    return issubclass(kind, _SETS) and kind.__iter__ in _OF_SETS


def _of_sets(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    """Return what makes the order of sets visible."""
    reverse, by_address = "addresses" in recorder.stress, cast("Any", object.__hash__)

    def order(iterable: Any) -> Any:
        if is_set(iterable) and len(iterable) > 1:
            if recorder.forced("set-order") is not None:
                iterable = sorted(iterable, key=_by_name)
            elif reverse and all(type(item).__hash__ is by_address for item in iterable):
                # Small sets often have one order by luck: memory is laid out alike, but for where it begins.
                iterable = [*iterable][::-1]
            shown = [_by_name(item) for _, item in zip(range(1000), iterable, strict=False)]
            recorder.source("set-order", "set", shown, ", ".join(shown))
        return iterable

    def text(value: Any) -> Any:
        kind: Any = type(value)
        if kind.__repr__ in _WITH_ADDRESS and kind.__str__ is object.__str__:
            return _addressed(recorder, value)
        if kind not in (set, frozenset) or len(value) < 2:
            return value
        ordered = order(value)
        return value if ordered is value else _in_order(ordered, kind)

    def pop(owner: Any) -> Any:
        if type(owner) is not set or len(owner) < 2:
            return owner.pop
        forced = recorder.forced("set-order") is not None

        def popped() -> Any:
            taken = min(owner, key=_by_name) if forced else owner.pop()
            owner.discard(taken)
            recorder.source("set-order", "set.pop", _by_name(taken), _by_name(taken))
            return taken

        return popped

    return {"order": order, "text": text, "pop": pop}


class _Text:
    """What is shown in the place of something else."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _in_order(ordered: list[Any], kind: type) -> _Text:
    """Return what shows a set in another order than its own."""
    items = ", ".join(repr(item) for item in ordered)
    return _Text(f"{{{items}}}" if kind is set else f"frozenset({{{items}}})")


_WITH_ADDRESS = (object.__repr__, FunctionType.__repr__)
"""How objects are shown that have no words of their own: with their addresses."""


def _addressed(recorder: Recorder, value: Any) -> Any:
    """Note that an object is shown with its address; return what shows it, with another one if that is forced."""
    shown = repr(value)
    recorder.source("id", "repr", shown, shown)
    return value if recorder.forced("id") is None else _Text(_ADDRESS.sub("0x4d20", shown))


def _of_objects(recorder: Recorder) -> dict[str, Callable[..., Any]]:
    """Return what makes `hash` and `id` visible."""
    known: dict[int, int] = {}

    def traced_hash(value: object) -> int:
        number = hash(value)
        if not isinstance(value, (int, float, complex)):
            if recorder.forced("hash") is not None:
                number = int(digest(value)[:8], 16)
            recorder.source("hash", "hash", number)
        return number

    def traced_id(value: object) -> int:
        number = id(value)
        if recorder.forced("id") is not None:
            number = known.setdefault(number, len(known) + 1)
        recorder.source("id", "id", number)
        return number

    return {"hash": traced_hash, "id": traced_id}


def _by_name(value: object) -> str:
    """Return an object as it is shown; its content in place of its address."""
    text = repr(value)
    if "0x" not in text:
        return text
    return _ADDRESS.sub(digest(getattr(value, "__dict__", None)), text)


def _rewrite_imports(recorder: Recorder) -> None:
    """Compile the user's own modules from their source, past the cache of compiled modules."""
    import runpy
    from importlib.machinery import SourceFileLoader

    plain = SourceFileLoader.get_code
    run_path = runpy._get_code_from_file  # type: ignore[attr-defined]

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if recorder.places.own(path) is None:
            return plain(self, fullname)
        return compile_own(self.get_data(path), path)

    def get_code_from_file(*args: Any) -> Any:
        # Its arguments and its result depend on Python's version. Spawned processes find their main module by it.
        path = os.path.abspath(os.fsdecode(args[-1]))
        made = run_path(*args)
        if recorder.places.own(path) is None or path.endswith(".pyc"):
            return made
        with open(path, "rb") as file:
            code = compile_own(file.read(), path)
        return (code, *made[1:]) if isinstance(made, tuple) else code

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    runpy._get_code_from_file = get_code_from_file  # type: ignore[attr-defined]
