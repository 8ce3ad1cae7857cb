"""Which of the runs are seeds of one experiment, and which are meant to be equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sac.report.runs import ReportedRun
from sac.statistics.experiments import Meaning, names


@dataclass(frozen=True)
class Experiment:
    """Runs that are alike in all flags that decide what a run learns, the seed left out.

    Attributes:
        name: the flags in which it differs from the others; the task where there is no other.
        runs: in the order of their seeds; a run that repeats another to the last digit under the same seed is not
            among them.
        repeats: the runs that repeat one of `runs`, each as (repetition, the run that it repeats).
    """

    name: str
    runs: tuple[ReportedRun, ...]
    repeats: tuple[tuple[ReportedRun, ReportedRun], ...] = ()

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending; -1 stands for one that no file tells."""
        return sorted({run.seed for run in self.runs})

    @property
    def is_sampled(self) -> bool:
        """Whether it has runs of several seeds."""
        return len(self.seeds) > 1

    def having(self, column: str) -> list[ReportedRun]:
        """The runs that recorded a column of metrics.csv."""
        return [run for run in self.runs if run.metrics.get(column)]

    def episodes(self) -> str:
        """On how many episodes each evaluation rests, in words; empty where that is not known."""
        counts = {int(value) for run in self.runs for _, value in run.metrics.get("eval_episodes", ())}
        if counts:
            least, most = min(counts), max(counts)
            return f"{least:,}" if least == most else f"{least:,} to {most:,}"
        # Older runs do not tell how many episodes ended, but in how many environments.
        envs = {str(run.config["num_eval_envs"]) for run in self.runs if "num_eval_envs" in run.config}
        return f"those of {envs.pop()} environments" if len(envs) == 1 else ""


def find_experiments(runs: Sequence[ReportedRun]) -> tuple[Experiment, ...]:
    """Group runs, in the order in which the first of each group was given."""
    groups: dict[Meaning, list[ReportedRun]] = {}
    for run in runs:
        groups.setdefault(run.meaning, []).append(run)
    labels = names([group[0].told for group in groups.values()])
    tasks = [str(group[0].config.get("env_id", "unknown task")) for group in groups.values()]
    return tuple(
        Experiment(label or task, *_distinct(sorted(group, key=lambda run: run.seed)))
        for label, task, group in zip(labels, tasks, groups.values(), strict=True)
    )


def _distinct(
    runs: Sequence[ReportedRun],
) -> tuple[tuple[ReportedRun, ...], tuple[tuple[ReportedRun, ReportedRun], ...]]:
    """Tell the runs from those that repeat one of them exactly."""
    kept: dict[object, ReportedRun] = {}
    repeats: list[tuple[ReportedRun, ReportedRun]] = []
    for run in runs:
        # What holds no evaluation can repeat none.
        results = (run.seed, tuple(sorted(run.metrics.items()))) if run.metrics else id(run)
        if kept.setdefault(results, run) is not run:
            repeats.append((run, kept[results]))
    return tuple(kept.values()), tuple(repeats)


def meant_to_be_equal(runs: Sequence[ReportedRun]) -> list[tuple[ReportedRun, ReportedRun]]:
    """Pair each run with the first one of the same seed and the same flags, if there is one."""
    first: dict[object, ReportedRun] = {}
    pairs = [(first.setdefault((run.meaning, run.seed), run), run) for run in runs]
    return [(a, b) for a, b in pairs if a is not b]


def same_results(experiment: Experiment) -> list[tuple[ReportedRun, ReportedRun]]:
    """Pairs of runs of unlike seeds that found the same to the last digit: as if the seed had no effect."""
    seen: dict[object, ReportedRun] = {}
    found = []
    for run in experiment.runs:
        first = seen.setdefault(tuple(sorted(run.metrics.items())), run)
        if run.metrics and first.seed != run.seed:
            found.append((first, run))
    return found
