"""The result in words: a table for the terminal, Markdown for a job's summary, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from sac.bench.compare import BenchReport, Result
from sac.bench.judge import CONFIDENCE, ERROR, INCONCLUSIVE, NO_SLOWDOWN, SLOWDOWN, BenchVerdict
from sac.display.markdown import cell, code, prose, text
from sac.display.visible import one_line
from sac.untrusted.seal import sealed

COLUMNS = ("benchmark", "base", "head", "ratio", "interval", "pairs", "verdict")
_STYLES = {
    BenchVerdict.SLOWER: "bold red",
    BenchVerdict.COUNTERS: "bold red",
    BenchVerdict.FAILED: "bold red",
    BenchVerdict.MISSING: "bold red",
    BenchVerdict.INCONCLUSIVE: "yellow",
    BenchVerdict.FASTER: "green",
}
_SUMMARIES = {
    NO_SLOWDOWN: "no slowdown",
    SLOWDOWN: "slowdown",
    ERROR: "not comparable: a benchmark fails, is missing, or none could be compared",
    INCONCLUSIVE: "inconclusive: an interval still reaches over the threshold; more --pairs, or a quieter machine, "
    "narrow it",
}


def print_report(report: BenchReport, console: Console) -> None:
    """The table, and the verdict below it."""
    console.print(one_line(_heading(report)), markup=False, highlight=False, soft_wrap=True)
    table = Table(*(Column(name, no_wrap=name != "verdict", min_width=8) for name in COLUMNS))
    for result in report.results:
        table.add_row(*(escape(one_line(cell)) for cell in row(result)), style=_STYLES.get(result.verdict, ""))
    console.print(table)
    for result in report.results:
        if result.note:
            console.print(one_line(f"{result.name}: {result.note}"), markup=False, highlight=False, soft_wrap=True)
    console.print(summary(report), style="bold", highlight=False, soft_wrap=True)


def markdown(report: BenchReport) -> str:
    """The same for a job's summary page."""
    lines = [f"### Benchmarks: {_SUMMARIES[report.exit_status].split(':')[0]}", "", text(_heading(report)), ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(cell(part) for part in row(result)) + " |" for result in report.results]
    notes = [f"- {code(result.name)}: {prose(result.note)}" for result in report.results if result.note]
    return "\n".join([*lines, "", *notes, *([""] if notes else []), summary(report), ""])


def as_json(report: BenchReport) -> str:
    """Everything, samples included."""
    results = [{**asdict(result), "verdict": result.verdict.value} for result in report.results]
    samples = {name: {clock: s.rounds for clock, s in r.samples.items()} for name, r in report.records.items()}
    document: dict[str, Any] = {
        "exit_status": report.exit_status,
        "base": {"revision": report.base.revision, "note": report.base.note},
        "head": {"revision": report.head.revision, "note": report.head.note},
        "threshold": report.wanted.threshold,
        "confidence": CONFIDENCE,
        "setup": asdict(report.setup),
        "load": report.load,
        "seconds": report.seconds,
        "fingerprint": {side: h.get("fingerprint") for side, h in zip(("base", "head"), report.hellos, strict=True)},
        "results": results,
        "samples": samples,
    }
    return json.dumps(sealed(document), indent=1) + "\n"


def row(result: Result) -> list[str]:
    """One line of the table."""
    found = result.interval
    if found is None:
        return [result.name, "", "", "", "", "", result.verdict.value]
    return [
        result.name,
        _seconds(result.base_seconds),
        _seconds(result.head_seconds),
        f"{found.ratio:.3f}",
        f"{found.low:.3f} to {found.high:.3f}",
        str(result.rounds),
        result.verdict.value,
    ]


def summary(report: BenchReport) -> str:
    """The verdict in a sentence, with what it rests on."""
    threshold = f"{report.wanted.threshold:.0%}"
    return (
        f"{_SUMMARIES[report.exit_status]} (threshold {threshold}, {CONFIDENCE:.0%} intervals, "
        f"{report.seconds:.0f} s, load {report.load[0]:.1f} to {report.load[1]:.1f})"
    )


def _heading(report: BenchReport) -> str:
    sides = [("base", report.base), ("head", report.head)]
    return ", ".join(
        f"{name} {tree.revision[:10]}{'+changes' * tree.revision.endswith('+changes')}"
        + (f" ({tree.note})" if tree.note else "")
        for name, tree in sides
    )


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    unit, scale = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if value >= s), ("µs", 1e-6))
    return f"{value / scale:.3g} {unit}"
