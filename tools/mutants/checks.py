"""Runs a tree's own tests, narrow ones first, until one fails."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.mutant import Mutant, Room
from tools.mutants.tree import environment

GOLDENS = "goldens"
_PYTEST = [
    *(sys.executable, "-m", "pytest", "-p", "timeout", "-p", "hypothesispytest", "-p", "benchmark"),
    *("-p", "no:cacheprovider", "-q", "-x", "--no-header"),
]
# What a fault leads to may be a process without end or measure.
_LIMITED = ["sh", "-c", 'ulimit -d 6000000; exec "$@"', "sh"]
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)", re.MULTILINE)
"""A test, or what it stands on; a file that can't even be imported has no test's name."""
_GOLDEN_TESTS = "tests/determinism/test_goldens.py"
_WHOLE_GATE = (
    ("unit", ("tests/unit",)),
    ("determinism", ("tests/determinism", f"--ignore={_GOLDEN_TESTS}")),
    (GOLDENS, (_GOLDEN_TESTS,)),
)


class CannotTest(RuntimeError):
    """A tree's tests can't be run; the message is pytest's."""


@dataclass(frozen=True)
class Catch:
    """What became of a mutant.

    Attributes:
        stage: the tests that failed: ``room``, ``unit``, ``determinism`` or ``goldens``; empty if it survived.
        test: the first that did.
        seconds: until then.
    """

    stage: str
    test: str
    seconds: float

    @property
    def is_enough(self) -> bool:
        """Whether something else than the goldens saw it: they are made anew whenever arithmetic changes."""
        return self.stage not in ("", GOLDENS)


def caught(mutant: Mutant, room: Room, root: Path, *, all_stages: bool) -> Catch:
    """Run the tests of a mutant's room, then the gate without goldens, then the goldens, until one fails.

    Args:
        mutant: what is planted in the tree.
        room: its own.
        root: of the tree.
        all_stages: go beyond the room's own tests.
    """
    start = time.monotonic()
    stages = [("room", mutant.tests or room.tests), *(_WHOLE_GATE if all_stages else ())]
    for stage, arguments in stages:
        test = first_failure(root, arguments)
        if test:
            return Catch(stage, test, time.monotonic() - start)
    return Catch("", "", time.monotonic() - start)


def first_failure(root: Path, arguments: tuple[str, ...]) -> str:
    """Return the first test that fails in a tree; empty if none does.

    Raises:
        CannotTest: they can't be run.
    """
    with tempfile.TemporaryDirectory(prefix="sac-mutants-", ignore_cleanup_errors=True) as temporary:
        command = [*_LIMITED, *_PYTEST, f"--basetemp={temporary}/tests", *arguments]
        done = subprocess.run(command, cwd=root, env=environment(root), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    found = _FAILED.search(done.stdout)
    if found is None:
        # Were it taken for a catch, a tree whose tests can't run at all would catch everything.
        raise CannotTest(
            f"{' '.join(arguments)}: pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return found.group(1)
