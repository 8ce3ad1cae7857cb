"""The tables about groups of runs, and about the difference between two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sac.statistics.choices import MOMENTS
from sac.statistics.comparison import Judgement, effect, interval, judge
from sac.statistics.intervals import AGGREGATES, CONFIDENCE, Estimate, estimate, profile
from sac.statistics.power import seeds_needed, spread_bounds
from sac.statistics.runs import Group
from sac.statistics.sequential import judge_sequentially
from sac.statistics.tables import Cell, Interval, Table


@dataclass(frozen=True)
class Question:
    """What is asked of two groups.

    Attributes:
        metric: column of metrics.csv.
        moment: one of `MOMENTS`, what is taken of each run.
        matters: the difference that would matter; None: not known.
        alpha: probability of a false alarm.
        power: probability with which a difference that matters is to be shown.
        most_seeds: seeds on each side at the last look of a sequential test; None: all runs are looked at once.
    """

    metric: str
    moment: str = "final"
    matters: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    most_seeds: int | None = None

    @property
    def is_rate(self) -> bool:
        """Whether values lie between 0 and 1."""
        return self.metric.startswith("success")


def tables_of(groups: Sequence[Group], question: Question) -> list[Table]:
    """What each group found, by itself and beside the first."""
    tables = [_results(groups, question), _curves(groups, question), _profiles(groups, question)]
    tables.append(_seeds(groups, question))
    if len(groups) > 1:
        tables.append(_beside_the_first(groups, question))
    return tables


def _results(groups: Sequence[Group], question: Question) -> Table:
    """At the end, at each run's best evaluation, and on average: a best value flatters, a final one is noisy."""
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        for moment in MOMENTS:
            found = [_interval(estimate(name, group.values(moment)), question) for name in AGGREGATES]
            step = group.steps[-1] if moment == "final" else None
            rows.append((_name(group), len(group.runs), len(group.seeds), moment, step, *found))
    columns = ("experiment", "runs", "seeds", "taken", "env step", *AGGREGATES)
    return Table(
        "results", f"{question.metric} of each experiment, with {CONFIDENCE:.0%} intervals", columns, tuple(rows)
    )


def _curves(groups: Sequence[Group], question: Question) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        found = {name: estimate(name, group.curves()) for name in AGGREGATES}
        for at, step in enumerate(group.steps):
            rows.append((_name(group), step, *(_interval(one, question, at) for one in found.values())))
    title = f"{question.metric} at each evaluation, with pointwise {CONFIDENCE:.0%} intervals"
    return Table("curves", title, ("experiment", "env step", *AGGREGATES), tuple(rows))


def _profiles(groups: Sequence[Group], question: Question) -> Table:
    """The share of runs above thresholds between 0 and 1, or between the lowest and the highest value."""
    values = np.concatenate([one for group in groups for one in group.values(question.moment)])
    least, most = (0.0, 1.0) if question.is_rate else (float(values.min()), float(values.max()))
    thresholds = np.linspace(least, most, 11)[:-1]
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        found = profile(group.values(question.moment), thresholds)
        rows += [
            (_name(group), float(threshold), _interval(found, question, at)) for at, threshold in enumerate(thresholds)
        ]
    title = f"Performance profile: share of runs whose {question.moment} {question.metric} is above a threshold"
    return Table("profile", title, ("experiment", "above", "share of runs"), tuple(rows))


def _seeds(groups: Sequence[Group], question: Question) -> Table:
    """How many seeds on each side would show a difference; the spread of few seeds is itself uncertain."""
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        for task, values in zip(group.tasks, group.values(question.moment), strict=True):
            spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
            rows += [
                (_name(group), task, spread, difference, *_needed(difference, spread, len(values), question))
                for difference in _differences(spread, question)
            ]
    title = f"Seeds on each side that show a difference with power {question.power:g} at level {question.alpha:g}"
    columns = ("experiment", "task", "spread over seeds", "difference", "seeds", "at least", "at most")
    return Table("seeds", title, columns, tuple(rows))


def _differences(spread: float, question: Question) -> list[float]:
    given = [] if question.matters is None else [question.matters]
    return sorted({*given, *((0.05, 0.1, 0.2, 0.3) if question.is_rate else (spread / 2, spread, 2 * spread))})


def _needed(difference: float, spread: float, seeds: int, question: Question) -> Iterator[int | None]:
    """Seeds needed if the spread is as seen, and at the ends of its interval."""
    known = seeds > 1 and spread > 0
    for one in (spread, *(spread_bounds(spread, seeds) if known else (spread, spread))):
        yield seeds_needed(difference, one, question.power, question.alpha) if known else None


def _beside_the_first(groups: Sequence[Group], question: Question) -> Table:
    rows = [
        (_name(group), task, *_shown_effect(a, b, question))
        for group in groups[1:]
        for task, a, b in paired_tasks(groups[0], group, question.moment)
        if min(len(a), len(b)) > 1
    ]
    title = f"Each experiment beside the first, {_name(groups[0])} ({question.moment} {question.metric})"
    return Table("beside_the_first", title, ("experiment", "task", *_EFFECT), tuple(rows))


_EFFECT = ("difference of means", "p (permutation)", "Hedges' g", "probability of improvement")


def _shown_effect(a: np.ndarray, b: np.ndarray, question: Question) -> tuple[Cell, ...]:
    found = effect(a, b, 1 - question.alpha)
    better = Interval(found.improvement, found.improvement_low, found.improvement_high)
    return Interval(found.difference, found.low, found.high), found.p, found.hedges_g, better


def paired_tasks(a: Group, b: Group, moment: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """For each task that both groups have: its name, and the values of the runs of each group."""
    ours, theirs = (dict(zip(group.tasks, group.values(moment), strict=True)) for group in (a, b))
    return [(task, ours[task], theirs[task]) for task in ours if task in theirs]


def judgements(a: Group, b: Group, question: Question) -> dict[str, Judgement]:
    """The answer for each task that both groups have; each task gets its share of alpha (Bonferroni)."""
    pairs = paired_tasks(a, b, question.moment)
    alpha = question.alpha / max(1, len(pairs))
    options = (alpha, question.matters, question.power)
    if question.most_seeds is not None:
        return {task: judge_sequentially(x, y, *options, question.most_seeds) for task, x, y in pairs}
    return {task: judge(x, y, *options) for task, x, y in pairs}


def comparison_tables(a: Group, b: Group, question: Question, found: dict[str, Judgement]) -> list[Table]:
    """The answer, and the difference at each evaluation."""
    rows: list[tuple[Cell, ...]] = []
    for task, one in found.items():
        size = one.effect
        rows.append(
            (
                task,
                f"{one.counts[0]} and {one.counts[1]}",
                Interval(size.difference, size.low, size.high),
                size.p,
                size.hedges_g,
                Interval(size.improvement, size.improvement_low, size.improvement_high),
                one.decision,
                one.reason,
            )
        )
    title = f"Runs against --against: {question.moment} {question.metric}, runs minus against"
    answer = Table("comparison", title, ("task", "runs", *_EFFECT, "answer", "reason"), tuple(rows))
    return [answer, _difference_curve(a, b, question)]


def _difference_curve(a: Group, b: Group, question: Question) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for task in found_in_both(a, b):
        left, right = a.of(task), b.of(task)
        for step in sorted(set(left.steps) & set(right.steps)):
            x, y = (np.array([run.scores[step] for run in group.runs]) for group in (left, right))
            low, high = interval(x, y, CONFIDENCE)
            rows.append((task, step, Interval(float(y.mean() - x.mean()), low, high)))
    title = f"Difference of mean {question.metric} at each evaluation, with pointwise {CONFIDENCE:.0%} intervals"
    return Table("difference_curve", title, ("task", "env step", "difference of means"), tuple(rows))


def found_in_both(a: Group, b: Group) -> list[str]:
    """The tasks that both groups have."""
    return [task for task in a.tasks if task in b.tasks]


def _name(group: Group) -> str:
    return group.name or ", ".join(group.tasks)


def _interval(found: Estimate, question: Question, at: int | None = None) -> Interval:
    """One of an estimate's numbers, cut to what the metric can be."""
    bounded = found.within(0.0, 1.0) if question.is_rate else found
    values = (bounded.value, bounded.low, bounded.high)
    return Interval(*(float(one if at is None else one[at]) for one in values))
