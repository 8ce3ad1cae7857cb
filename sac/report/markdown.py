"""The same as Markdown, for a job summary: its first three lines are the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from sac.display.markdown import block, cell, code_cell, prose, text
from sac.display.visible import one_line
from sac.report import benches
from sac.report.model import MOST_COLUMNS, Entry, RunPair, RunReport, entries, reproduce
from sac.report.runs import CURVES
from sac.report.strip import MEANING, State
from sac.report.why_markdown import section
from sac.statistics.tables import Interval

_GLYPH: dict[State, str] = {"equal": "·", "first": "█", "after": "▒", "none": " "}
_COLUMNS = 60
_ROWS = 30
"""Experiments that a table shows."""


def document(report: RunReport) -> str:
    """The whole text."""
    if not report.runs and not report.answers:
        return benches.document(report.benches)
    answers = [section(answer, "###" if report.runs else "##") for answer in report.answers]
    if not report.runs:
        return "\n\n".join(filter(None, [*answers, benches.markdown(report.benches)])) + "\n"
    parts = [verdict_lines(report.headline, report.details), *answers]
    learnt, compared = _curves(report), [*_also_compared(report), *map(_comparison, report.pairs)]
    parts += [learnt, *compared] if report.has_unlike_runs else [*compared, learnt]
    parts += [_facts(report), benches.markdown(report.benches), _again(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict_lines(headline: str, details: Sequence[tuple[str, str]], level: str = "##") -> str:
    """Headline, then one line for each detail: whoever reads three lines has where, why and how much."""
    return "\n".join(
        [f"{level} {prose(headline)}", *(f"- **{name.capitalize()}:** {prose(told)}" for name, told in details)]
    )


def _comparison(pair: RunPair) -> str:
    if pair.strip is None:
        return f"### Ledgers of {text(pair.title)}\n\nNot comparable: {prose(pair.reason)}"
    strip = pair.strip
    width = max(len(row.channel) for row in strip.rows)
    lines = []
    for row in strip.rows:
        cells = "".join(_GLYPH[state] * number for _, number, state in row.cells)
        lines.append(f"{row.channel:{width}} {_squeezed(cells)} {row.words}")
    legend = ", ".join(f"`{_GLYPH[state]}` {words}" for state, words in MEANING.items() if state != "none")
    scope = f"Iterations {strip.iterations[0]} to {strip.last}. {legend}; blank: {MEANING['none']}."
    notes = [f"- Note: {prose(note)}" for note in (pair.comparison.notes if pair.comparison else ())]
    return "\n".join([f"### Ledgers of {text(pair.title)}", "", scope, "", block("\n".join(lines)), *notes])


def _squeezed(cells: str) -> str:
    """At most so many glyphs, the strongest of each group."""
    stride = max(1, -(-len(cells) // _COLUMNS))
    strength = list(" ·▒█").index
    return "".join(max(cells[at : at + stride], key=strength) for at in range(0, len(cells), stride))


def _also_compared(report: RunReport) -> list[str]:
    """The verdict about runs that should be equal, where the page does not begin with it."""
    if not (report.is_about_learning and report.pairs):
        return []
    return ["### Runs that should be equal", verdict_lines(report.verdict, report.verdict_details, "####")]


def _curves(report: RunReport) -> str:
    """The end of each curve."""
    rows = []
    for column in CURVES:
        curves = report.learning.curves.get(column, [])
        for curve in [curve for curve in curves if curve.points][:_ROWS]:
            last = curve.points[-1]
            cells = (column, cell(curve.name), str(curve.runs), str(len(curve.points)), f"{last.step:,.0f}")
            rows.append(_table_row([*cells, str(Interval(last.mean, last.low, last.high))]))
        if len(curves) > _ROWS:
            rows.append(_table_row([column, f"{len(curves) - _ROWS} more", "", "", "", ""]))
    if not rows:
        return ""
    names = ("metric", "experiment", "runs", "evaluations", "last at step", "last value (95 % interval)")
    return "\n".join(["### What was learnt", "", _table_row(names), "|---" * len(names) + "|", *rows])


def _facts(report: RunReport) -> str:
    unlike = [entry for entry in entries(report.runs) if entry.differs]
    if len(report.runs) < 2:
        return ""
    if not unlike:
        return "### What differs in numerics, versions and flags\n\nNothing."
    if len(report.runs) > MOST_COLUMNS:
        head = ["entry", "values (how many runs)"]
        rows = [_table_row(head), "|---" * len(head) + "|", *(_counted(entry) for entry in unlike)]
        return "\n".join(["### What differs in numerics, versions and flags", "", *rows])
    head = ["entry", *(cell(run.label) for run in report.runs)]
    rows = [_table_row(head), "|---" * len(head) + "|", *(_entry(entry) for entry in unlike)]
    return "\n".join(["### What differs in numerics, versions and flags", "", *rows])


def _entry(entry: Entry) -> str:
    return _table_row([cell(entry.name), *map(code_cell, entry.values)])


def _counted(entry: Entry) -> str:
    shown = [f"{code_cell(value)} ({count})" for value, count in entry.counted[:MOST_COLUMNS]]
    more = [f"{len(entry.counted) - len(shown)} other values"] if len(entry.counted) > len(shown) else []
    return _table_row([cell(entry.name), ", ".join([*shown, *more])])


def _table_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _again(report: RunReport) -> str:
    steps = [line for what, command in reproduce(report) for line in (f"# to {one_line(what)}", command)]
    return "\n".join(["### How to reproduce", "", block("\n".join(steps), "console")]) if steps else ""
