"""What statistics read of runs: seed, flags, and one column of `metrics.csv`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sac.config import BadConfig
from sac.run.folder import RunFolder
from sac.run.manifest import read_manifest
from sac.run.metrics_table import read_metrics
from sac.statistics.experiments import Meaning, interference, meaning, names
from sac.untrusted.file import Unreadable


@dataclass(frozen=True)
class ScoredRun:
    """One run.

    Attributes:
        path: its folder.
        config: its flags.
        scores: env step -> value, of each evaluation.
        changed: what was changed in it on purpose, in a word or two; empty in a run that is as its flags say.
    """

    path: Path
    config: Mapping[str, Any]
    scores: Mapping[int, float]
    changed: str = ""

    @property
    def seed(self) -> int:
        """Its root seed; -1 where the manifest lacks it."""
        seed = self.config.get("seed")
        return seed if isinstance(seed, int) else -1

    @property
    def task(self) -> str:
        """What it was trained on."""
        return str(self.config.get("env_id"))


@dataclass(frozen=True)
class Group:
    """Runs that are seeds of one experiment, in the order of their seeds; the experiment may have several tasks.

    Attributes:
        name: what tells it from other groups; empty where there is one alone.
        runs: at least one.
    """

    name: str
    runs: tuple[ScoredRun, ...]

    @property
    def tasks(self) -> list[str]:
        """The tasks, by name."""
        return sorted({run.task for run in self.runs})

    @property
    def steps(self) -> list[int]:
        """The env steps at which all runs were evaluated; at least one."""
        return sorted(set.intersection(*(set(run.scores) for run in self.runs)))

    @property
    def seeds(self) -> list[int]:
        """The seeds."""
        return sorted({run.seed for run in self.runs})

    def of(self, task: str) -> Group:
        """The runs of one task."""
        return Group(self.name, tuple(run for run in self.runs if run.task == task))

    def curves(self) -> tuple[np.ndarray, ...]:
        """For each task the values (S, n) of its n runs at the S `steps`."""
        steps = self.steps
        return tuple(
            np.array([[run.scores[step] for run in self.of(task).runs] for step in steps]) for task in self.tasks
        )

    def values(self, moment: str) -> tuple[np.ndarray, ...]:
        """For each task one value of each of its n runs, (n,); `moment` is one of `MOMENTS`."""
        take = {"final": lambda table: table[-1], "best": lambda table: table.max(0), "average": lambda t: t.mean(0)}
        return tuple(take[moment](table) for table in self.curves())


def read_groups(paths: Sequence[str | Path], metric: str) -> tuple[list[Group], list[str]]:
    """Read runs and group those that are seeds of one experiment; also returns what a reader should know of them.

    A folder that is no run stands for the runs in it. A run that equals another to the last digit under the same seed
    tells nothing new, so it counts once. A run that was changed on purpose (`sac sensitivity`) is no sample: it is left
    out.

    Raises:
        BadConfig: there is no run, or a run can't be used; the message names it.
    """
    runs = [read_run(path, metric) for given in paths for path in _expand(Path(given))]
    sampled, left_out = _sampled(runs)
    kept, notes = _distinct(sampled)
    notes = [*left_out, *notes]
    found: dict[Meaning, list[ScoredRun]] = {}
    for run in kept:
        found.setdefault(_experiment(run), []).append(run)
    ordered = [tuple(sorted(group, key=lambda run: (run.seed, str(run.path)))) for group in found.values()]
    labels = names([_without_task(group[0].config) for group in ordered])
    groups = [Group(label, group) for label, group in zip(labels, ordered, strict=True)]
    for group in groups:
        notes += _require_common(group)
    return groups, notes


def read_run(path: Path, metric: str) -> ScoredRun:
    """Read one run.

    Raises:
        BadConfig: it has no manifest, or no evaluation.
    """
    folder = RunFolder(path)
    try:
        manifest = read_manifest(folder.manifest)
        scores = _scores(folder.metrics, metric)
    except Unreadable as error:
        raise BadConfig(f"{error}; leave this run out, or train it again") from error
    changed = interference(manifest)
    if not scores and not changed:
        raise BadConfig(
            f"{folder.metrics}: holds no evaluation with {metric}: train with --eval_freq, or leave this run out"
        )
    return ScoredRun(path, manifest["config"], scores, changed)


def _expand(path: Path) -> list[Path]:
    if not path.is_dir():
        raise BadConfig(f"{path}: no such folder; give run folders of `sac train`, or a folder that holds some")
    if RunFolder(path).manifest.exists():
        return [path]
    inside = sorted(child for child in path.iterdir() if child.is_dir() and RunFolder(child).manifest.exists())
    if not inside:
        raise BadConfig(f"{path}: no run folder, and none in it: expected a manifest.json")
    return inside


def _scores(path: Path, metric: str) -> dict[int, float]:
    """Step -> value of each evaluation; none where there is no file, or no such column.

    Raises:
        Unreadable: the file is damaged.
    """
    try:
        table = read_metrics(path).columns
    except Unreadable as error:
        if error.missing:
            return {}
        raise
    pairs = zip(table["step"], table.get(metric, ()), strict=False)
    return {int(step): value for step, value in pairs if math.isfinite(value)}


def _experiment(run: ScoredRun) -> Meaning:
    return meaning(_without_task(run.config))


def _without_task(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "env_id"}


def _sampled(runs: Sequence[ScoredRun]) -> tuple[list[ScoredRun], list[str]]:
    """The runs that are as their flags say, and notes on the others.

    Raises:
        BadConfig: there are none.
    """
    kept = [run for run in runs if not run.changed]
    if not kept:
        raise BadConfig(f"{runs[0].path}: was changed on purpose ({runs[0].changed}), like every run given: no samples")
    return kept, [
        f"{run.path}: was changed on purpose ({run.changed}), so it is left out" for run in runs if run.changed
    ]


def _distinct(runs: Sequence[ScoredRun]) -> tuple[list[ScoredRun], list[str]]:
    """The runs without repetitions, and notes on those."""
    kept: list[ScoredRun] = []
    notes: list[str] = []
    for run in runs:
        again = [one for one in kept if (one.seed, meaning(one.config)) == (run.seed, meaning(run.config))]
        if any(one.scores == run.scores for one in again):
            notes.append(f"{run.path}: repeats seed {run.seed} exactly, so it counts once")
            continue
        if again:
            notes.append(f"{run.path}: has seed {run.seed} again with other results; each counts as a run")
        kept.append(run)
    return kept, notes


def _require_common(group: Group) -> list[str]:
    """Notes where runs of a group reach unlike far.

    Raises:
        BadConfig: they have no evaluation in common.
    """
    named = f"{group.name}: " if group.name else ""
    if not group.steps:
        raise BadConfig(f"{named}the runs have no evaluation at the same step: give runs with the same --eval_freq")
    last = group.steps[-1]
    ahead = [run for run in group.runs if max(run.scores) > last]
    if not ahead:
        return []
    short = min(group.runs, key=lambda run: max(run.scores))
    return [f"{named}compared up to step {last}, where {short.path} ends; {len(ahead)} of {len(group.runs)} go further"]
