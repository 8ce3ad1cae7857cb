"""Asks `sac why` about drawn programs, and counts what it answers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.why.drawn.programs import Program, programs
from tests.why.test_corpus import sac

EXACT, LINE, OTHER, NOTHING = "exact line and cause", "line", "other line", "nothing proved"
FALSE_EQUAL, FALSE_ALARM, CRASH = "false equal", "false alarm", "crash"


@dataclass
class Table:
    """What was answered, counted.

    Attributes:
        faulty: kind of answer -> how many programs with a fault got it.
        clean: the same for programs without one.
        wrong: each program that got no exact answer, and what was said.
    """

    faulty: Counter[str] = field(default_factory=Counter)
    clean: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def share(self, *kinds: str) -> float:
        """Return the share of the programs with a fault that got one of these answers."""
        return sum(self.faulty[kind] for kind in kinds) / max(self.faulty.total(), 1)

    def __str__(self) -> str:
        rows = [f"| {kind} | {self.faulty[kind]} | {self.share(kind):.1%} |" for kind in self.faulty]
        total, clean = self.faulty.total(), self.clean.total()
        rows += [f"| clean: {kind} | {self.clean[kind]} | {self.clean[kind] / clean:.1%} |" for kind in self.clean]
        return "\n".join((f"| {total} faulty, {clean} clean | programs | share |", "|---|---|---|", *rows))


def judged(program: Program, status: int, output: str, errors: str) -> tuple[str, str]:
    """Return the kind of an answer, and the answer in a line."""
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        return CRASH, f"status {status}: {errors[-300:]}"
    if "Traceback" in errors or status not in (0, 1, 2):
        return CRASH, f"status {status}: {errors[-300:]}"
    first, right = answer["first"] or {}, program.answer
    said = f"status {status}, {first.get('cause', 'no cause')} at {first.get('file')}:{first.get('line')}"
    if status == 2:
        return NOTHING, f"{said}; {answer['uncompared']}; {answer['notes'][:3]}"
    if status != right.status:
        return (FALSE_EQUAL if program.planted else FALSE_ALARM), said
    if (first.get("file"), first.get("line")) != (right.file or None, right.line or None):
        return OTHER, said
    return (EXACT if first.get("cause", "") == right.cause else LINE), said


def ask(program: Program, kept: Path | None = None) -> tuple[str, str]:
    """Let `sac why` answer about one program.

    Args:
        program: to be written and run.
        kept: where the program is left if the answer isn't exact.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program.write(folder)
        done = sac("why", "--json", "--", *program.command, cwd=folder)
        kind, said = judged(program, done.returncode, done.stdout, done.stderr)
        if kind != EXACT and kept is not None:
            place = kept / f"{len(list(kept.glob('*'))) if kept.exists() else 0:03}"
            shutil.copytree(folder, place)
            (place / "answer.json").write_text(done.stdout)
            (place / "wrong.txt").write_text(f"{program}\n{program.answer}\n{kind}: {said}\n")
    return kind, said


def measure(
    half: str,
    count: int,
    torch: bool = False,
    kept: Path | None = None,
    each: Callable[[Program, str, str], object] = lambda *_: None,
    start: int = 0,
) -> Table:
    """Draw programs with a fault, and half as many without one, and ask about each.

    Args:
        half: `tune` or `report`.
        count: of programs with a fault.
        torch: whether the programs may need torch.
        kept: where programs are left that got no exact answer.
        each: called with each program, the kind of its answer and the answer.
        start: of the drawing; each number draws other programs.
    """
    table = Table()

    def one(program: Program) -> None:
        kind, said = ask(program, kept)
        (table.faulty if program.planted else table.clean)[kind] += 1
        if kind != EXACT:
            table.wrong.append(f"{kind}: {program}: {said}; right is {program.answer}")
        each(program, kind, said)

    for planted, examples in ((True, count), (False, count // 2)):
        drawn(one, programs(half, planted, torch), examples, start)
    return table


def drawn(one: Callable[[Program], None], strategy: Any, examples: int, start: int = 0) -> None:
    """Call a function with programs that Hypothesis draws, the same ones for the same start; none is made smaller."""
    limits = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )

    @seed(start)
    @limits
    @given(strategy)
    def run(program: Program) -> None:
        one(program)

    if examples:
        run()
