"""All that the package prints passes through `sac.display`, so that no command can forget it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sac

ROOT = Path(sac.__file__).parent
# The traced process is somebody else's; the benchmarks' servers talk to their parent; lifeline stands below the room.
EXEMPT = ("why/tracer/", "bench/workloads/", "lifeline.py", "display/terminal.py")
PASSED = {"one_line", "visible", "summary"}
"""Functions whose results may be printed: the room's own, and `bench.report.summary`, which holds numbers alone."""


def modules():
    found = sorted(ROOT.rglob("*.py"))
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(EXEMPT)]


def untamed(source: str) -> list[str]:
    """The calls in a module that print something without the room."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        to_stream = name in ("sys.stdout.write", "sys.stderr.write") or (
            name == "print"
            and not any(keyword.arg == "file" and "stdin" in ast.unparse(keyword.value) for keyword in node.keywords)
        )
        # Tables hold cells that were passed when they were added.
        by_console = name.endswith("console.print") and not (
            isinstance(node.args[0], ast.Call) and ast.unparse(node.args[0].func) in PASSED
        )
        if to_stream or (by_console and ast.unparse(node.args[0]) != "table"):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_printed_past_the_room(path):
    assert untamed(path.read_text()) == []


def test_what_prints_past_it_is_seen():
    """Negative control."""
    assert untamed("print(error, file=sys.stderr)\nsay(error)") == ["print(error, file=sys.stderr)"]
    assert untamed("console.print(line)\nconsole.print(one_line(line))") == ["console.print(line)"]


def test_commands_are_joined_by_the_room():
    """`shlex.join` leaves line breaks and escape sequences in what people paste."""
    for path in modules():
        calls = [ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert "shlex.join" not in calls or path.name == "shell.py", path
