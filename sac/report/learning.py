"""What the runs learnt: a curve for each experiment with an interval over its seeds, and a line for each seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sac.report.experiments import Experiment
from sac.report.runs import CURVES, LOSSES, ReportedRun
from sac.statistics.tables import Interval

CONFIDENCE = 0.95
MOST_IN_COLOUR = 6
"""Experiments that a picture tells apart; of more, those with the highest values at the end are in colour."""


@dataclass(frozen=True)
class Point:
    """One evaluation of an experiment.

    Attributes:
        step: env steps.
        seconds: wall time until then, the mean over the runs; NaN where it is not known.
        mean: over the runs.
        low: lower end of its interval; NaN where there is none.
        high: upper end.
    """

    step: float
    seconds: float
    mean: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class SeedLine:
    """One run: (step, seconds, value) of each evaluation; seconds are NaN where they are not known."""

    run: str
    seed: int
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Curve:
    """One experiment in one column.

    Attributes:
        name: of the experiment, or of the run where it is a single one among others.
        kind: its place in the list of experiments, which decides its colour; from `MOST_IN_COLOUR` on it has none.
        runs: how many runs the points rest on.
        points: at the steps at which all runs were evaluated.
        lines: its runs one by one; empty where that would only repeat the points.
    """

    name: str
    kind: int
    runs: int
    points: tuple[Point, ...]
    lines: tuple[SeedLine, ...] = ()

    @property
    def in_colour(self) -> bool:
        """Whether pictures tell it apart; else it is grey, and has no name there."""
        return self.kind < MOST_IN_COLOUR

    @property
    def has_interval(self) -> bool:
        """Whether any of its points has one."""
        return any(not math.isnan(point.low) for point in self.points)


@dataclass(frozen=True)
class Result:
    """One experiment at the last step at which all its runs were evaluated; empty values where it recorded none."""

    experiment: Experiment
    step: float
    values: tuple[Interval | None, ...]


@dataclass(frozen=True)
class Learning:
    """All experiments, the best first where they are too many to be told apart; their curves by column."""

    experiments: tuple[Experiment, ...]
    results: tuple[Result, ...]
    curves: dict[str, list[Curve]]

    @property
    def clocked(self) -> bool:
        """Whether wall time is known of any run."""
        return any(run.seconds for experiment in self.experiments for run in experiment.runs)


def learn(experiments: Sequence[Experiment]) -> Learning:
    """Gather what a page shows of experiments."""
    found = [(_result(experiment), experiment) for experiment in experiments]
    if len(found) > MOST_IN_COLOUR:
        found.sort(key=lambda pair: _height(pair[0]), reverse=True)
    ordered = tuple(experiment for _, experiment in found)
    drawn = {column: list(_curves(ordered, column)) for column in (*CURVES, *LOSSES)}
    return Learning(
        ordered, tuple(result for result, _ in found), {name: lines for name, lines in drawn.items() if lines}
    )


def _height(result: Result) -> tuple[float, ...]:
    """What experiments are ordered by: the first column, then the others."""
    return tuple(-math.inf if value is None else value.value for value in result.values)


def _result(experiment: Experiment) -> Result:
    ends = [_points(experiment.having(column), column)[-1:] for column in CURVES]
    values = tuple(Interval(end[0].mean, end[0].low, end[0].high) if end else None for end in ends)
    return Result(experiment, max((end[0].step for end in ends if end), default=0.0), values)


def _curves(experiments: Sequence[Experiment], column: str) -> Iterator[Curve]:
    """One curve for each experiment; where it has a single seed, one for each of its runs."""
    kind = 0
    for experiment in experiments:
        runs = experiment.having(column)
        if experiment.is_sampled or len(experiment.runs) == 1:
            if runs:
                lines = tuple(_line(run, column) for run in runs) if len(runs) > 1 else ()
                yield Curve(experiment.name, kind, len(runs), _points(runs, column), lines)
            kind += 1
            continue
        for run in runs:
            yield Curve(_alike(run, experiment), kind, 1, _points([run], column))
            kind += 1


def _alike(run: ReportedRun, experiment: Experiment) -> str:
    """The names of a run and of those that repeat it."""
    return " = ".join([run.label, *(again.label for again, first in experiment.repeats if first is run)])


def _line(run: ReportedRun, column: str) -> SeedLine:
    points = tuple((step, run.seconds.get(step, math.nan), value) for step, value in run.metrics[column])
    return SeedLine(run.label, run.seed, points)


def _points(runs: Sequence[ReportedRun], column: str) -> tuple[Point, ...]:
    """The mean over runs with its interval, at the steps at which all were evaluated."""
    tables = [dict(run.metrics[column]) for run in runs]
    steps = sorted(set.intersection(*map(set, tables))) if tables else []
    rows = [[table[step] for table in tables] for step in steps]
    ends = _intervals(rows, column.startswith("success"))
    return tuple(
        Point(step, _seconds(runs, step), math.fsum(value / len(row) for value in row), low, high)
        for step, row, (low, high) in zip(steps, rows, ends, strict=True)
    )


def _seconds(runs: Sequence[ReportedRun], step: float) -> float:
    return math.fsum(run.seconds.get(step, math.nan) for run in runs) / len(runs)


def _intervals(rows: Sequence[Sequence[float]], is_rate: bool) -> list[tuple[float, float]]:
    """The interval of each row's mean; none of one run, nor of runs that all found the same."""
    if not rows or len(rows[0]) < 2:
        return [(math.nan, math.nan)] * len(rows)
    # A page about two runs alone needs neither NumPy nor SciPy, which take half a second to load.
    import numpy as np

    from sac.statistics.closed_form import interval_of_mean

    values = np.asarray(rows, np.float64)
    # A run may have recorded numbers whose squares have no place in float64: no interval then.
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = interval_of_mean(values, CONFIDENCE)
        unknown = (np.ptp(values, -1) == 0) | ~np.isfinite(high - low)
    if is_rate:
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    low[unknown] = high[unknown] = math.nan
    return list(zip(low.tolist(), high.tolist(), strict=True))
