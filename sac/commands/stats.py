"""`sac stats`: what seeds tell of an experiment, and whether two experiments differ by more than chance."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

from sac.commands.exit_status import DIVERGED, INCONCLUSIVE, OK
from sac.commands.parsers import stats_parser
from sac.config import BadConfig
from sac.display.terminal import say
from sac.statistics.choices import DEFAULT_DIFFERENCE, FIRST_LOOK
from sac.statistics.comparison import Decision, Judgement
from sac.statistics.runs import Group, read_groups
from sac.statistics.summary import Question, comparison_tables, judgements, tables_of
from sac.statistics.tables import Table, to_csv, to_latex, to_markdown

_STATUS: dict[Decision, int] = {"difference": DIVERGED, "inconclusive": INCONCLUSIVE, "no difference shown": OK}
"""From the answer that weighs most to the one that weighs least, where tasks have different ones."""
_SHORT = ("results", "seeds", "beside_the_first", "comparison")
"""Tables that are printed; files hold all."""


def stats_command(arguments: Sequence[str]) -> int:
    """Run `sac stats`: return 0 if no difference is shown or none was asked for, 1 a difference, 4 inconclusive.

    Raises:
        BadConfig: a flag's value can't be used, or a run can't be read.
    """
    options = stats_parser().parse_args(list(arguments))
    question = _question(options)
    groups, notes = read_groups(options.runs, question.metric)
    if not options.against:
        return _finish(options, tables_of(groups, question), notes, {})
    others, more = read_groups(options.against, question.metric)
    ours, theirs = _single(groups, "RUNS"), _single(others, "--against")
    _require_comparable(ours, theirs)
    found = judgements(theirs, ours, question)
    named = [dataclasses.replace(ours, name="RUNS"), dataclasses.replace(theirs, name="against")]
    tables = [*comparison_tables(theirs, ours, question, found), *tables_of(named, question)]
    tables = [table for table in tables if table.name != "beside_the_first"]
    return _finish(options, tables, [*notes, *more], found)


def _question(options: argparse.Namespace) -> Question:
    """What is asked.

    Raises:
        BadConfig: a value can't be used.
    """
    for name in ("alpha", "power"):
        if not 0 < getattr(options, name) < 1:
            raise BadConfig(f"--{name} {getattr(options, name)}: must lie between 0 and 1")
    if options.difference is not None and not (math.isfinite(options.difference) and options.difference > 0):
        raise BadConfig(f"--difference {options.difference}: must be greater than 0")
    if options.most_seeds is not None and not options.sequential:
        raise BadConfig("--most_seeds: is the plan of --sequential; add that, or leave this out")
    if options.sequential and not options.against:
        raise BadConfig("--sequential: stops a comparison early; name what to compare with: --against RUNS")
    most = options.most_seeds if options.most_seeds is not None else 10
    if not FIRST_LOOK <= most <= 1000:
        raise BadConfig(f"--most_seeds {most}: must lie between {FIRST_LOOK}, the first look, and 1000")
    question = Question(options.metric, options.at, options.difference, options.alpha, options.power)
    if question.is_rate and question.matters is None:
        question = dataclasses.replace(question, matters=DEFAULT_DIFFERENCE)
    return dataclasses.replace(question, most_seeds=most) if options.sequential else question


def _single(groups: Sequence[Group], side: str) -> Group:
    """The one experiment of a side.

    Raises:
        BadConfig: there are several.
    """
    if len(groups) > 1:
        named = "; ".join(f"{group.name} ({group.runs[0].path}, …)" for group in groups)
        raise BadConfig(f"{side}: holds {len(groups)} experiments, a side must be one: {named}. Name one's runs alone")
    return groups[0]


def _require_comparable(ours: Group, theirs: Group) -> None:
    """Refuse what no comparison can come out of.

    Raises:
        BadConfig: no task is on both sides, or a side has a single run of one, or both sides hold the same runs.
    """
    shared = [task for task in ours.tasks if task in theirs.tasks]
    if not shared:
        raise BadConfig(f"--against: the tasks differ: {', '.join(ours.tasks)} and {', '.join(theirs.tasks)}")
    for side, group in (("RUNS", ours), ("--against", theirs)):
        for task in shared:
            if len(group.of(task).runs) < 2:
                raise BadConfig(f"{side}: has 1 run of {task}; the spread over seeds needs at least 2: `sac sweep`")
    both = {run.path.resolve() for run in ours.runs} & {run.path.resolve() for run in theirs.runs}
    if both:
        raise BadConfig(f"--against {sorted(both)[0]}: is among RUNS too; a run can't be on both sides")
    ends = {task: (ours.of(task).steps[-1], theirs.of(task).steps[-1]) for task in shared}
    for task, (one, other) in ends.items():
        if one != other:
            raise BadConfig(f"--against: {task} ends at env step {one} in RUNS, at {other} there: compare equal ones")


def _finish(
    options: argparse.Namespace, tables: Sequence[Table], notes: Sequence[str], found: dict[str, Judgement]
) -> int:
    """Write what is asked for, print the answer, and return the exit status."""
    _write(options, tables)
    decisions = [one.decision for one in found.values()]
    status = next((code for decision, code in _STATUS.items() if decision in decisions), OK)
    if options.json:
        say(json.dumps(_as_json(tables, notes, found, status), allow_nan=False))
        return status
    say("\n\n".join(to_markdown(table) for table in tables if table.name in _SHORT))
    say("".join(f"\nnote: {note}" for note in notes), end="\n" if notes else "")
    for task, one in found.items():
        say(f"\n{task}: {one.decision}: {one.reason}{_next(one)}")
    return status


def _next(one: Judgement) -> str:
    """Say what to do about an open answer."""
    if one.decision != "inconclusive" or one.more is None:
        return ""
    have = min(one.counts)
    if one.more > have:
        return f"\n  next: {one.more} seeds on each side (`sac sweep` adds seeds to its folder)"
    return "\n  next: a larger --difference, or more seeds: chance made this comparison less clear than it should be"


def _write(options: argparse.Namespace, tables: Sequence[Table]) -> None:
    """Write the files that are asked for.

    Raises:
        BadConfig: one can't be written.
    """
    files: dict[Path, str] = {}
    if options.csv:
        files |= {Path(options.csv) / f"{table.name}.csv": to_csv(table) for table in tables}
    if options.markdown:
        files[Path(options.markdown)] = "\n\n".join(map(to_markdown, tables)) + "\n"
    if options.latex:
        files[Path(options.latex)] = "\n\n".join(map(to_latex, tables)) + "\n"
    for path, text in files.items():
        _put(path, text)


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadConfig(f"{path}: can't be written ({error.strerror}); give a path that can") from error


def _as_json(
    tables: Sequence[Table], notes: Sequence[str], found: dict[str, Judgement], status: int
) -> dict[str, object]:
    """The answer and all tables; what is not known is null."""
    answers = {task: dataclasses.asdict(one) for task, one in found.items()}
    shown = {
        table.name: [dict(zip(table.columns, (_plain(cell) for cell in row), strict=True)) for row in table.rows]
        for table in tables
    }
    return {"exit_status": status, "answers": _plain(answers), "tables": shown, "notes": list(notes)}


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
