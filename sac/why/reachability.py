"""Whether a value can have come from one line of a file to another, judged by the names that are written and read.

It is a hint: names are followed through assignments, loops, method calls and functions of the same file, in any order.
It errs on the side of yes. A verdict says so: the value "can reach" the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sac.untrusted.file import MOST_CODE, read_bytes

_SEED = re.compile(r"(?:^|[._])(?:manual_)?seed(?:$|_)|random_state|PRNGKey|^\.?Rngs$")
"""Names by which generators, and functions that have one of their own, take a seed."""


class _Statement(NamedTuple):
    """The names that one statement, without those in it, reads and writes; its blocks, and whether it leaves them."""

    first: int
    last: int
    reads: frozenset[str]
    writes: frozenset[str]
    loops: tuple[int, ...]
    leaves: bool


def can_reach(file: Path, source: int, target: int) -> bool:
    """Whether what line `source` made can have come to line `target`."""
    if source == target:
        return True
    statements = _statements(file)
    tainted: set[str] = set()
    hot: set[int] = set()
    for index, statement in enumerate(statements):
        if statement.first <= source <= statement.last:
            hot.add(index)
            tainted |= statement.writes
    while True:
        size = len(tainted) + len(hot)
        for index, statement in enumerate(statements):
            if statement.reads & tainted or any(loop in hot for loop in statement.loops):
                hot.add(index)
                tainted |= statement.writes
                # What may leave a loop decides on all that the loop does afterwards.
                hot.update(statement.loops if statement.leaves else ())
        if len(tainted) + len(hot) == size:
            break
    return any(index in hot and one.first <= target <= one.last for index, one in enumerate(statements))


def decides(file: Path, line: int, names: Collection[str]) -> bool:
    """Whether one of these functions is called on a line within a condition, or a key to put something in order."""
    return _is_called(file, line, names, _conditions)


@lru_cache(maxsize=1024)
def becomes_seed(file: Path, line: int, names: tuple[str, ...]) -> bool:
    """Whether what one of these functions gives on a line is called a seed there, or handed over as one."""
    return _is_called(file, line, names, _called_seeds)


def _is_called(file: Path, line: int, names: Collection[str], within: Callable[[ast.AST], Iterator[ast.expr]]) -> bool:
    """Whether one of these functions is called on a line, within one of the expressions that `within` finds."""
    parts = (part for node in ast.walk(_tree(file)) for value in within(node) for part in ast.walk(value))
    called = (part.func for part in parts if isinstance(part, ast.Call) and part.lineno == line)
    words = {one.lstrip(".") for function in called for one in _names(function, ast.Load)}
    return not words.isdisjoint(name.rsplit(".", 1)[-1] for name in names)


def _called_seeds(node: ast.AST) -> Iterator[ast.expr]:
    """Return the expressions of a node whose value is a seed by its name."""
    if isinstance(node, ast.keyword) and _SEED.search(node.arg or ""):
        yield node.value
    elif isinstance(node, ast.Call) and any(_SEED.search(one) for one in _names(node.func, ast.Load)):
        yield from node.args
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_SEED.search(one) for target in targets for one in _names(target, ast.Store)):
            yield node.value


@lru_cache(maxsize=32)
def _tree(file: Path) -> ast.Module:
    """Return a file's syntax tree; an empty one where it can't be read."""
    try:
        return ast.parse(read_bytes(file, MOST_CODE))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    """Return the expressions of a node that decide on others."""
    if isinstance(node, ast.comprehension):
        yield from node.ifs
    elif isinstance(node, (ast.If, ast.IfExp, ast.While, ast.Assert)):
        yield node.test
    elif isinstance(node, ast.keyword) and node.arg == "key":
        yield node.value


@lru_cache(maxsize=32)
def _statements(file: Path) -> tuple[_Statement, ...]:
    """Return the statements of a file; none for one that can't be read."""
    tree = _tree(file)
    functions = {
        node.name: node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    found: list[_Statement] = []
    _collect(tree.body, (), "", functions, found)
    # A module isn't changed by the call of its functions.
    modules = {alias.asname or alias.name.split(".")[0] for node in ast.walk(tree) for alias in _imported(node)}
    return tuple(one._replace(writes=one.writes - modules) for one in found)


def _imported(node: ast.AST) -> list[ast.alias]:
    """Return what an import statement brings."""
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def _collect(
    body: list[ast.stmt],
    loops: tuple[int, ...],
    function: str,
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef],
    found: list[_Statement],
) -> None:
    """Add the statements of a block, and of the blocks in it."""
    for node in body:
        inner = _blocks(node)
        heads = list(_heads(node))
        reads = {name for head in heads for name in _names(head, ast.Load)}
        writes = {name for head in heads for name in _names(head, ast.Store)}
        writes |= {name for head in heads for name in _changed(head)}
        writes |= {name for head in heads for name in _handed_over(head, functions)}
        if isinstance(node, ast.Return):
            writes.add(function)
        first = node.lineno
        last = (
            (node.end_lineno or first) if not inner else max([first, *((head.end_lineno or first) for head in heads)])
        )
        index = len(found)
        leaves = isinstance(node, (ast.Break, ast.Continue, ast.Return, ast.Raise))
        found.append(_Statement(first, last, frozenset(reads), frozenset(writes), loops, leaves))
        deeper = (*loops, index) if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.If)) else loops
        name = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
        for block in inner:
            _collect(block, deeper, name, functions, found)


def _blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a compound statement."""
    blocks = [
        getattr(node, name) for name in ("body", "orelse", "finalbody") if isinstance(getattr(node, name, 0), list)
    ]
    blocks += [handler.body for handler in getattr(node, "handlers", [])]
    return [block for block in blocks if block]


def _heads(node: ast.stmt) -> Iterator[ast.expr]:
    """Return the expressions of a statement itself, without its blocks."""
    for _, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.expr):
                yield part
            elif isinstance(part, ast.withitem):
                yield from filter(None, (part.context_expr, part.optional_vars))


def _names(node: ast.AST, context: type) -> Iterator[str]:
    """Return names and attributes that an expression reads or writes."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, context):
            yield part.id
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, context):
            yield f".{part.attr}"
        elif isinstance(part, ast.Subscript) and isinstance(part.ctx, context):
            yield from _base(part.value)


def _base(node: ast.expr) -> Iterator[str]:
    """Return the name of what is indexed or called upon."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield f".{node.attr}"
        # Who changes a part changes the whole; but everything belongs to `self`.
        yield from (name for name in _base(node.value) if name != "self")


def _changed(node: ast.expr) -> Iterator[str]:
    """Return the objects whose methods an expression calls with arguments: it may change them."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and (part.args or part.keywords):
            yield from _base(part.func.value)


def _handed_over(node: ast.expr, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef]) -> Iterator[str]:
    """Return the parameters of this file's functions that an expression calls."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and (part.args or part.keywords):
            name = next(_base(part.func), "").lstrip(".")
            if name in functions:
                yield from (one.arg for one in functions[name].args.args if one.arg != "self")
