"""Asks a command in this process, with a clock that ends it, and judges how it refuses."""

from __future__ import annotations

import contextlib
import io
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sac.cli import main
from sac.errors import UserError

SECONDS = 60
COUNTED: Counter[tuple[str, str]] = Counter()
"""(command, outcome) -> how often, for docs/reliability.md."""
T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a command said."""

    status: int
    out: str
    err: str


class Hangs(AssertionError):
    """A command did not end."""


@contextlib.contextmanager
def clock() -> Iterator[None]:
    """Raise `Hangs` in the block once it has taken too long."""

    def ring(*_: object) -> None:
        raise Hangs(f"no answer within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def ask(*words: object) -> Said:
    """Run a command; whatever it raises fails the test, and so does a refusal of more than a line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), clock():
        status = main([str(word) for word in words])
    said = Said(status, out.getvalue(), err.getvalue())
    assert "Traceback" not in said.err and "internal error" not in said.err, said
    assert not any(one in said.out + said.err for one in "\x1b\x9b\u202e\x00"), said
    if status == 2:
        # What a training says before it refuses is not the refusal.
        lines = [line for line in said.err.splitlines() if line.startswith(f"sac {words[0]}")]
        assert (lines and "error" in lines[-1]) or "not comparable" in lines[-1], said
        assert said.err.endswith("\n") and len(lines[-1]) < 3000, said
    COUNTED[str(words[0]), {0: "right", 1: "right: damage or a difference named", 2: "refused"}[status]] += 1
    return said


def ask_library(name: str, action: Callable[[], T]) -> T | None:
    """Call the library; None where it refuses, as it must: with an error that a user can mend, of one line."""
    try:
        with clock():
            found = action()
    except UserError as error:
        assert str(error) and len(str(error)) < 3000
        COUNTED[name, "refused"] += 1
        return None
    COUNTED[name, "right"] += 1
    return found
