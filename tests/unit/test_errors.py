"""An error's type says whether it is the user's to mend or a bug: the first is one line and status 2."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

import pytest

import sac.cli
from sac.cli import main
from sac.config import BadConfig
from sac.errors import UserError

PACKAGE = Path(__file__).parents[2] / "sac"
# Exceptions that never reach the user as they are: whoever raises them has somebody in the package that catches them.
INTERNAL = {"Stopped", "WorkerFailed", "_WorkerTrace", "BadSegment"}
BUILTIN = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}


def exceptions(root: Path) -> dict[str, set[str]]:
    """Exception classes defined under a folder -> their bases; the traced process has its own."""
    found: dict[str, set[str]] = {}
    for path in root.rglob("*.py"):
        if "tracer" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    kinds = {*BUILTIN}
    while new := {name for name, bases in found.items() if bases & kinds} - kinds:
        kinds |= new
    return {name: found[name] for name in kinds - BUILTIN}


def neither(found: dict[str, set[str]]) -> set[str]:
    """Those that are neither for the user nor internal."""
    told = {"UserError"}
    while new := {name for name, bases in found.items() if bases & told} - told:
        told |= new
    return found.keys() - told - INTERNAL


def test_every_exception_is_the_user_s_or_is_caught_within():
    found = exceptions(PACKAGE)
    assert {"BadConfig", "LedgerError", "BadCheckpoint", "GitFailed", "CantRun"} <= found.keys()
    assert neither(found) == set()
    assert found.keys() >= INTERNAL, "one of the internal exceptions is gone: remove it from the list"


def test_an_exception_that_is_neither_is_seen(tmp_path):
    (tmp_path / "new.py").write_text("class Oops(ValueError): ...\nclass Fine(BadConfig): ...\n")
    (tmp_path / "config.py").write_text(
        "class BadConfig(UserError, ValueError): ...\nclass UserError(Exception): ...\n"
    )
    assert neither(exceptions(tmp_path)) == {"Oops"}


class Mendable(UserError, ValueError):
    """An error that no table knows."""


@pytest.mark.parametrize(
    "error", [Mendable("--x 3: must be 2"), BadConfig("--x 3: must be 2"), OSError("--x 3: must be 2")]
)
def test_what_the_user_can_mend_is_one_line_and_status_2(monkeypatch, capsys, error):
    def refuse(arguments):
        raise error

    monkeypatch.setitem(sac.cli._COMMANDS, "train", refuse)
    assert main(["train"]) == 2
    assert capsys.readouterr().err == "sac train: error: --x 3: must be 2\n"


def test_a_plain_error_of_python_is_a_bug_and_keeps_its_traceback(monkeypatch):
    def broken(arguments):
        raise ValueError("a bug")

    monkeypatch.setitem(sac.cli._COMMANDS, "train", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["train"])
