"""What a page hands out as files: links that hold all of the file, so they need neither a network nor a script."""

from __future__ import annotations

import base64
import csv
import io
import math
from collections.abc import Iterable, Sequence

from sac.display.visible import one_line
from sac.report.experiments import Experiment
from sac.report.learning import Curve
from sac.report.runs import CURVES, LOSSES, ReportedRun

MOST_ROWS = 10_000
"""Rows of the table of all runs: a page must stay small. Of longer runs it holds every n-th evaluation."""
_MOST_OF_A_RUN = 200


def link(content: str, kind: str) -> str:
    """Return an address that holds a text; `kind` is its media type."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(content.encode('utf-8', 'backslashreplace')).decode()}"


def curves_csv(curves: Sequence[Curve]) -> str:
    """Means and intervals with all digits, a row for each evaluation of each experiment."""
    rows = (
        (
            one_line(curve.name),
            curve.runs,
            f"{point.step:.0f}",
            *map(_cell, (point.seconds, point.mean, point.low, point.high)),
        )
        for curve in curves
        for point in curve.points
    )
    return _csv(("experiment", "runs", "step", "seconds", "mean", "low", "high"), rows)


def runs_csv(experiments: Sequence[Experiment]) -> tuple[str, str]:
    """All runs, a row for each evaluation; also says what is left out, empty where nothing is."""
    named = [(experiment.name, run) for experiment in experiments for run in experiment.runs if run.metrics]
    longest = max((len(_steps(run)) for _, run in named), default=0)
    most = max(2, min(_MOST_OF_A_RUN, MOST_ROWS // max(1, len(named))))
    stride = max(1, -(-longest // most))
    rows = (row for name, run in named for row in _rows(name, run, stride))
    text = _csv(("experiment", "run", "seed", "step", "seconds", *CURVES, *LOSSES), rows)
    return text, f"every {stride}th evaluation, and the last; metrics.csv has all" if stride > 1 else ""


def _rows(name: str, run: ReportedRun, stride: int) -> Iterable[tuple[object, ...]]:
    tables = [dict(run.metrics.get(column, ())) for column in (*CURVES, *LOSSES)]
    steps = _steps(run)
    for step in sorted({*steps[::stride], steps[-1]}):
        values = (_cell(table.get(step, math.nan)) for table in tables)
        yield (
            one_line(name),
            one_line(run.label),
            run.seed,
            f"{step:.0f}",
            _cell(run.seconds.get(step, math.nan)),
            *values,
        )


def _steps(run: ReportedRun) -> list[float]:
    return sorted({step for points in run.metrics.values() for step, _ in points})


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()
