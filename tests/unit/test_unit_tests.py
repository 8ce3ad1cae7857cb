"""Unit tests stand alone: they import no slower tests, read no clock, wait for nothing and start no process."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.rglob("*.py") if path != Path(__file__))
FORBIDDEN = ("tests.determinism", "tests.integration", "tests.perf", "tests.why", "time", "timeit", "datetime")
ALLOWED = {"conftest.py": {"time"}, "run/test_event_order.py": {"time"}, "why/tracer/test_content.py": {"datetime"}}
"""Who replaces a clock, and who digests dates that are written in the test."""


def imported(source: str) -> set[str]:
    """Names of all modules that a source imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def forbidden_in(source: str) -> set[str]:
    names = imported(source)
    return {word for word in FORBIDDEN for name in names if f"{name}.".startswith(f"{word}.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_no_unit_test_imports_slower_ones_or_a_clock(path):
    assert forbidden_in(path.read_text()) <= ALLOWED.get(str(path.relative_to(HERE)), set())


@pytest.mark.parametrize(
    "source, found",
    [
        ("from tests.determinism.runs import POINT", "tests.determinism"),
        ("from tests import perf", "tests.perf"),
        ("def test():\n    import time", "time"),
        ("from time import monotonic", "time"),
        ("import datetime as d", "datetime"),
    ],
)
def test_a_planted_import_is_seen(source, found):
    assert forbidden_in(source) == {found}
    assert forbidden_in("from tests.reference.textbook import Textbook\nimport timeless") == set()


@pytest.mark.parametrize(
    "does",
    [
        lambda: subprocess.run([sys.executable, "-c", ""], check=False),
        lambda: subprocess.run("true", shell=True, check=False),
        lambda: os._exit(0) if os.fork() == 0 else None,
        lambda: time.sleep(0),
    ],
    ids=["Python", "shell", "fork", "sleep"],
)
def test_what_takes_another_process_or_time_is_refused(does):
    with pytest.raises(AssertionError, match="belongs to tests/integration"):
        does()
