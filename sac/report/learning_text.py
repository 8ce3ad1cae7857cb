"""What the runs learnt in words: the headline of a page about seeds, and what to know of its curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sac.display import shell
from sac.report.experiments import Experiment, same_results
from sac.report.learning import MOST_IN_COLOUR, Learning, Result
from sac.report.runs import CURVES, ReportedRun, runs_in
from sac.statistics.tables import Interval

_MOST_NAMED = 3
_MOST_PATHS = 12
_MOST_SEEDS = 12

Detail = tuple[str, str]


def learning_headline(learning: Learning) -> str:
    """What came out at the end, in one sentence."""
    head = f"{_experiments(learning.experiments)}{_runs(learning.experiments)}"
    found = [(result, *end) for result in learning.results if (end := _end(result)) is not None]
    if not found:
        return f"{head}: no evaluation in any of them"
    named = sorted(found, key=lambda one: one[2].value, reverse=True)[:_MOST_NAMED]
    several = len(learning.experiments) > 1
    told = (f"{result.experiment.name + ' ' if several else ''}{value}" for result, _, value in named)
    column = f"{'highest ' if len(found) > _MOST_NAMED else ''}{named[0][1]} {_at(named)}"
    return f"{head}: {column}: {', '.join(told)}"


def _experiments(experiments: Sequence[Experiment]) -> str:
    return f"{len(experiments)} experiments, " if len(experiments) > 1 else f"{experiments[0].name}, "


def _runs(experiments: Sequence[Experiment]) -> str:
    """How many seeds there are, where all experiments have as many, else runs."""
    counts = {len(experiment.seeds) for experiment in experiments}
    if len(counts) > 1:
        return f"{sum(len(experiment.runs) for experiment in experiments)} runs"
    count = counts.pop()
    return f"{count} seed{'s' * (count > 1)}{' each' * (len(experiments) > 1)}"


def _end(result: Result) -> tuple[str, Interval] | None:
    """The first column that was recorded, with its value at the end."""
    return next(((name, value) for name, value in zip(CURVES, result.values, strict=True) if value is not None), None)


def _at(named: Sequence[tuple[Result, str, Interval]]) -> str:
    """At which step that is, where it is one for all."""
    steps = {result.step for result, _, _ in named}
    return f"at step {steps.pop():,.0f}" if len(steps) == 1 else "at the end"


def learning_details(learning: Learning, has_twins: bool) -> tuple[Detail, ...]:
    """What to know of the curves, what was left out, and what to do next."""
    return (
        *_basis(learning.experiments),
        *_remarks(learning.experiments),
        *(() if has_twins else (("bits", _BITS),)),
        *_next(learning.experiments),
    )


def _basis(experiments: Sequence[Experiment]) -> Iterator[Detail]:
    """On what each point and each interval rests."""
    seeds = sorted({seed for experiment in experiments for seed in experiment.seeds})
    yield "seeds", spelled(seeds)
    episodes = {experiment.episodes() for experiment in experiments} - {""}
    if len(episodes) == 1:
        yield "episodes", f"{episodes.pop()} in each evaluation of each run"
    elif episodes:
        yield "episodes", "unlike many in each evaluation: the table tells"
    if any(experiment.is_sampled for experiment in experiments):
        yield "interval", "95 % interval of the mean over seeds, at each evaluation by itself"


def spelled(numbers: Sequence[int]) -> str:
    """Ascending numbers with ranges joined, and not more of them than fit a line."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    more = f" … ({len(numbers)} in all)" if len(parts) > _MOST_SEEDS else ""
    return ", ".join(parts[:_MOST_SEEDS]) + more


def _remarks(experiments: Sequence[Experiment]) -> Iterator[Detail]:
    """What a reader should know before believing a curve."""
    if len(experiments) > MOST_IN_COLOUR:
        yield (
            "drawn",
            f"in colour the {MOST_IN_COLOUR} of {len(experiments)} experiments that end highest, the others in grey",
        )
    repeats = [f"{again.label} (of {first.label})" for one in experiments for again, first in one.repeats]
    if repeats:
        yield "repeated", f"to the last digit, so each counts once: {_some(repeats)}"
    alike = [f"{a.label} and {b.label}" for one in experiments for a, b in same_results(one)]
    if alike:
        yield "look here", f"unlike seeds, and yet the same results: {_some(alike)}. Has the seed an effect?"
    for experiment in experiments:
        yield from _shortened(experiment)
    again = [one.name for one in experiments if len(one.runs) > len(one.seeds) > 1]
    if again:
        yield "again", f"a seed has several runs with unlike results, and each counts as a run: {_some(again)}"
    changed = [run.label for one in experiments for run in one.runs if run.changed]
    if changed:
        yield "changed", f"changed on purpose while training, so an experiment of its own: {_some(changed)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _shortened(experiment: Experiment) -> Iterator[Detail]:
    """Say where runs of an experiment reach unlike far, or were not evaluated together."""
    runs = experiment.having(CURVES[0])
    steps = [{step for step, _ in run.metrics[CURVES[0]]} for run in runs]
    if len(runs) < 2 or not experiment.is_sampled:
        return
    shared = set.intersection(*steps)
    if not shared:
        yield (
            "no mean",
            f"{experiment.name}: its runs have no evaluation at the same step; give all the same --eval_freq",
        )
        return
    last, ahead = max(shared), sum(max(one) > max(shared) for one in steps)
    if ahead:
        short = min(runs, key=lambda run: run.metrics[CURVES[0]][-1][0])
        where = f"{experiment.name}: mean up to step {last:,.0f}, where {short.label} ends"
        yield "unfinished", f"{where}; {ahead} of {len(runs)} runs go further"


_BITS = "not compared: no two runs have the same flags and the same seed; `sac diff A B` compares any two"


def _next(experiments: Sequence[Experiment]) -> Iterator[Detail]:
    """The command that says how much of a difference is chance."""
    if not any(experiment.is_sampled for experiment in experiments):
        yield "next", "one seed tells nothing of chance: `sac sweep --seeds 1-5` trains several"
        return
    if len(experiments) == 2 and min(len(one.runs) for one in experiments) > 1:
        sides = [" ".join(_places(experiment.runs)) for experiment in experiments]
        if all(sides):
            yield "next", f"`sac stats {sides[0]} --against {sides[1]}` tells whether they differ by more than chance"
            return
    places = _places([run for experiment in experiments for run in experiment.runs])
    if places:
        words = f"sac stats {' '.join(places)}"
        yield "next", f"`{words}` has medians, interquartile means, and how many seeds a difference needs"


def _places(runs: Sequence[ReportedRun]) -> list[str]:
    """The runs' folders as words of a command, their common one if it holds no other run; none if they are too many."""
    paths = [run.path for run in runs]
    if not all(path.is_dir() for path in paths):
        return []
    parents = {path.parent for path in paths}
    if len(parents) == 1 and len(paths) > 1 and set(runs_in(*parents)) == set(paths):
        return [shell.path(*parents)]
    return [shell.path(path) for path in paths] if len(paths) <= _MOST_PATHS else []
