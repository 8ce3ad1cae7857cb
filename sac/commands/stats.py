"""`sac stats`: what seeds tell of an experiment, and whether two experiments differ by more than chance."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from sac.commands.exit_status import DIVERGED, INCONCLUSIVE, OK
from sac.config import BadConfig
from sac.statistics.comparison import Decision, Judgement
from sac.statistics.runs import METRICS, MOMENTS, Group, read_groups
from sac.statistics.sequential import FIRST_LOOK
from sac.statistics.summary import Question, comparison_tables, judgements, tables_of
from sac.statistics.tables import Table, to_csv, to_latex, to_markdown

_STATUS: dict[Decision, int] = {"difference": DIVERGED, "inconclusive": INCONCLUSIVE, "no difference shown": OK}
"""From the answer that weighs most to the one that weighs least, where tasks have different ones."""
_DEFAULT_DIFFERENCE = 0.2
_SHORT = ("results", "seeds", "beside_the_first", "comparison")
"""Tables that are printed; files hold all."""


def stats_command(arguments: Sequence[str]) -> int:
    """Run `sac stats`: return 0 if no difference is shown or none was asked for, 1 a difference, 4 inconclusive.

    Raises:
        BadConfig: a flag's value can't be used, or a run can't be read.
    """
    options = _parser().parse_args(list(arguments))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sac stats",
        description="What the seeds of an experiment tell: mean, median and interquartile mean with 95 % intervals, "
        "performance profile, final against best, seeds needed. With --against: do two experiments differ by more than "
        "chance, and by how much?",
        epilog="Exit status: 0 no difference shown (or none asked for), 1 a difference, 2 an error, 4 inconclusive. "
        "docs/statistics.md says what each number means and how often each answer is wrong.",
        allow_abbrev=False,
    )
    what = "run folder, or a folder of run folders such as `sac sweep` makes"
    parser.add_argument("runs", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    what = "compare with these runs: an older version's, another machine's, other flags'"
    parser.add_argument("--against", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    what = "column of metrics.csv (default %(default)s)"
    parser.add_argument("--metric", choices=METRICS, default="success_once", help=what)
    what = "of each run: its last evaluation, its best, or the average of all (default %(default)s)"
    parser.add_argument("--at", choices=MOMENTS, default="final", help=what)
    what = f"the difference that would matter (default {_DEFAULT_DIFFERENCE} for success rates, none for returns)"
    parser.add_argument("--difference", type=float, metavar="D", help=what)
    what = "probability of showing that difference, for the number of seeds needed (default %(default)s)"
    parser.add_argument("--power", type=float, default=0.8, help=what)
    what = "probability of a false alarm (default %(default)s)"
    parser.add_argument("--alpha", type=float, default=0.05, help=what)
    what = "look after each seed from the 5th on, and stop as soon as the error rate allows"
    parser.add_argument("--sequential", action="store_true", help=what)
    what = "with --sequential: seeds on each side at the last look (default 10)"
    parser.add_argument("--most_seeds", "--most-seeds", type=int, metavar="N", help=what)
    parser.add_argument("--csv", type=os.path.expanduser, metavar="FOLDER", help="write each table as a CSV file")
    parser.add_argument("--markdown", type=os.path.expanduser, metavar="FILE", help="write all tables as Markdown")
    parser.add_argument("--latex", type=os.path.expanduser, metavar="FILE", help="write all tables as LaTeX")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


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
        question = dataclasses.replace(question, matters=_DEFAULT_DIFFERENCE)
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
        print(json.dumps(_as_json(tables, notes, found, status), allow_nan=False))
        return status
    print("\n\n".join(to_markdown(table) for table in tables if table.name in _SHORT))
    print("".join(f"\nnote: {note}" for note in notes), end="\n" if notes else "")
    for task, one in found.items():
        print(f"\n{task}: {one.decision}: {one.reason}{_next(one)}")
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
