"""Functions fit on a screen."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 40
"""Lines, apart from the docstring, which lists arguments and errors."""


def long_functions(source: str) -> list[str]:
    """Name the functions that don't fit on a screen."""
    functions = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if lines_of_code(function) > LONGEST_FUNCTION]


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_every_function_fits_on_a_screen():
    files = [path for folder in ("sac", "tools", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert {str(path): found for path in files if (found := long_functions(path.read_text()))} == {}


def test_a_function_that_does_not_fit_is_seen():
    """Negative control."""
    body = "".join(f"    x = {i}\n" for i in range(LONGEST_FUNCTION))
    assert long_functions(f"def f():\n{body}") == ["f"]
    assert long_functions(f'def f():\n    """Text.\n\n    More.\n    """\n{body[:-11]}') == []
