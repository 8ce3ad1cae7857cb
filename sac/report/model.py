"""What a report says, before it is HTML or Markdown: the verdict, the pairs, the curves, the differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from sac.config import NAMING_FIELDS, changed_flags
from sac.display import shell
from sac.ledger.comparison import LedgerComparison, NotComparable, compare
from sac.ledger.divergence import DetailName, LedgerDivergence
from sac.ledger.file import LedgerError
from sac.report.answers import Answer
from sac.report.benches import Bench
from sac.report.experiments import Experiment, find_experiments, meant_to_be_equal
from sac.report.learning import Learning, learn
from sac.report.learning_text import learning_details, learning_headline
from sac.report.runs import ReportedRun
from sac.report.strip import Strip, StripBuilder

MOST_COLUMNS = 8
"""Runs that a table shows side by side; of more it counts the values."""
Outcome = Literal["diverged", "not comparable", "equal", "experiments", "one run"]

ORDER: tuple[DetailName, ...] = (
    "likely cause",
    "how much",
    "next",
    "inputs",
    "possibly earlier within the iteration",
    "digests",
    "differing at this iteration",
)
"""What is said of a divergence, most important first."""


@dataclass(frozen=True)
class RunPair:
    """Two runs held against each other; `reason` says why where they can't be."""

    a: ReportedRun
    b: ReportedRun
    comparison: LedgerComparison | None
    strip: Strip | None
    reason: str = ""

    @property
    def title(self) -> str:
        """Both names."""
        return f"{self.a.label} and {self.b.label}"

    @property
    def outcome(self) -> Outcome:
        """What holding them against each other showed."""
        if self.comparison is None:
            return "not comparable"
        return "equal" if self.comparison.equal else "diverged"

    @property
    def divergence(self) -> LedgerDivergence | None:
        """Where they part."""
        return self.comparison.first if self.comparison else None


@dataclass(frozen=True)
class RunReport:
    """All runs: which belong together, the comparison of each with the one it should equal; answers of `sac why`."""

    runs: tuple[ReportedRun, ...]
    pairs: tuple[RunPair, ...]
    answers: tuple[Answer, ...] = ()
    benches: tuple[Bench, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    all_equal: bool = False

    @property
    def decisive(self) -> RunPair | None:
        """The pair that the verdict is about: the worst, and among equals the first."""
        order: list[Outcome] = ["diverged", "not comparable", "equal"]
        return min(self.pairs, key=lambda pair: order.index(pair.outcome), default=None)

    @property
    def outcome(self) -> Outcome:
        """The verdict in a word or two."""
        if self.is_about_learning:
            return "experiments"
        return self.decisive.outcome if self.decisive else "one run"

    @property
    def has_unlike_runs(self) -> bool:
        """Whether runs differ on purpose, in their seed or their flags."""
        unlike = len(self.experiments) > 1 or any(experiment.is_sampled for experiment in self.experiments)
        return unlike and not self.all_equal

    @property
    def is_about_learning(self) -> bool:
        """Whether what was learnt comes first: runs differ on purpose, and none that should be equal diverged."""
        return self.has_unlike_runs and not (self.decisive and self.decisive.outcome == "diverged")

    @property
    def tasks(self) -> list[str]:
        """What was trained on, each task once."""
        return list(dict.fromkeys(str(run.config.get("env_id", "unknown task")) for run in self.runs))

    @cached_property
    def learning(self) -> Learning:
        """What the runs learnt."""
        return learn(self.experiments)

    @property
    def headline(self) -> str:
        """The page in one sentence: what was learnt, or the verdict with where."""
        if not self.runs:
            return "; ".join(answer.headline for answer in self.answers)
        return learning_headline(self.learning) if self.is_about_learning else self.verdict

    @property
    def verdict(self) -> str:
        """What comparing runs showed, in one sentence."""
        pair = self.decisive
        if pair is None:
            return f"One run, {self.runs[0].label}: nothing to compare it with"
        if pair.outcome == "diverged" and pair.divergence:
            return f"{pair.title} {pair.divergence.headline}{self._count('diverged')}"
        if pair.outcome == "not comparable":
            return f"{pair.title} can't be compared"
        return f"Equal, bit for bit{self._reach()}: {self._equal_words()}"

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """The headline's further lines, as (name, text), most important first."""
        if not self.is_about_learning:
            return (*self.verdict_details, *self._damage())
        return (*learning_details(self.learning, bool(self.pairs)), *self._damage(), *self._ledgers_lost())

    @property
    def verdict_details(self) -> tuple[tuple[str, str], ...]:
        """The verdict's further lines."""
        pair = self.decisive
        if pair is None:
            return self._trouble() or (("next", f"`sac twin {_flags(self.runs[0])}` trains again and compares"),)
        if pair.outcome == "diverged" and pair.divergence:
            details = pair.divergence.details
            return tuple((name, details[name]) for name in ORDER if name in details)
        if pair.outcome == "not comparable":
            return (("reason", pair.reason), ("next", "compare two runs of the same command: `sac twin` makes them"))
        compared = pair.comparison.compared_iterations if pair.comparison else 0
        scope = f"{compared} iterations compared, every channel that both ledgers hold"
        return (("compared", scope), *(("note", note) for note in self.notes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how far the comparisons reach, each note once."""
        noted = [note for pair in self.pairs if pair.comparison for note in pair.comparison.notes]
        return tuple(dict.fromkeys(noted))

    def _damage(self) -> tuple[tuple[str, str], ...]:
        """What of the runs' files can't be read, though it is not what the verdict is about."""
        return tuple(("damaged", text) for run in self.runs for text in run.damage)

    def _ledgers_lost(self) -> tuple[tuple[str, str], ...]:
        """Ledgers that can't be opened, though no curve needs them."""
        lost = [run.trouble for run in self.runs if run.trouble]
        return (("damaged", f"{len(lost)} of {len(self.runs)} ledgers; the first: {lost[0]}"),) if lost else ()

    def _trouble(self) -> tuple[tuple[str, str], ...]:
        return tuple(("reason", run.trouble) for run in self.runs if run.trouble)

    def _count(self, outcome: Outcome) -> str:
        number = sum(pair.outcome == outcome for pair in self.pairs)
        return f" ({number} of {len(self.pairs)} comparisons diverged)" if len(self.pairs) > 1 else ""

    def _reach(self) -> str:
        """Say it where one of the runs goes further than what it is equal to."""
        told = [pair.comparison for pair in self.pairs if pair.outcome == "equal" and pair.comparison]
        return ", as far as both go" if any(one.held > one.compared_iterations for one in told) else ""

    def _equal_words(self) -> str:
        pairs = [pair for pair in self.pairs if pair.outcome == "equal"]
        if len(pairs) == 1:
            return pairs[0].title
        return ", ".join([pairs[0].a.label, *(pair.b.label for pair in pairs)])


def make_report(
    runs: Sequence[ReportedRun],
    answers: Sequence[Answer] = (),
    benches: Sequence[Bench] = (),
    *,
    all_equal: bool = False,
) -> RunReport:
    """Compare each run with the first one that it should equal, and gather those that are seeds of one experiment.

    Args:
        runs: what was given.
        answers: of `sac why`.
        benches: comparisons of speed.
        all_equal: all runs are meant to be equal, whatever their flags say, as those of a test that failed are.
    """
    if len(runs) == 1:
        # Of several runs every ledger is read where it is compared.
        runs = [_checked(runs[0])]
    meant = [(runs[0], run) for run in runs[1:]] if all_equal else meant_to_be_equal(runs)
    pairs = tuple(_pair(a, b) for a, b in meant)
    return RunReport(tuple(runs), pairs, tuple(answers), tuple(benches), find_experiments(runs), all_equal)


def _checked(run: ReportedRun) -> ReportedRun:
    """Read a ledger to its end: a run whose ledger is damaged must not be reported as if it were whole."""
    if run.ledger is None:
        return run
    try:
        for _ in run.ledger.walk():
            pass
    except LedgerError as error:
        return replace(run, ledger=None, trouble=str(error))
    return run


def _pair(a: ReportedRun, b: ReportedRun) -> RunPair:
    for run in (a, b):
        if run.ledger is None:
            return RunPair(a, b, None, None, run.trouble)
    assert a.ledger and b.ledger
    strip = StripBuilder(a.ledger.config, b.ledger.config)
    try:
        comparison = compare(a.ledger, b.ledger, strip.add)
    except (NotComparable, LedgerError) as error:
        return RunPair(a, b, None, None, str(error))
    return RunPair(a, b, comparison, strip.strip(comparison))


@dataclass(frozen=True)
class Entry:
    """One named entry of the runs' headers, with each run's value."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        return len(set(self.values)) > 1

    @property
    def counted(self) -> list[tuple[str, int]]:
        """Each value with the number of runs that have it, the commonest first."""
        return Counter(self.values).most_common()


def entries(runs: Sequence[ReportedRun]) -> list[Entry]:
    """Fingerprint, versions, revision and flags of all runs; of flags that only name or show a run, none."""
    tables = [_flat(run) for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return [Entry(name, tuple(table.get(name, "absent") for table in tables)) for name in names]


def _flat(run: ReportedRun) -> dict[str, str]:
    table: dict[str, str] = {}
    for part, title in (("fingerprint", "fingerprint"), ("versions", "version"), ("config", "flag")):
        for name, value in _leaves(run.header.get(part) or {}):
            shown_already = part == "versions" and f"fingerprint: {name}" in table
            if not shown_already and not (part == "config" and name in NAMING_FIELDS):
                table[f"{title}: {name}"] = str(value)
    if run.header.get("git_revision"):
        table["git revision"] = str(run.header["git_revision"])
    return table


def _leaves(entry: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in entry.items():
        found += _leaves(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)]
    return found


def reproduce(report: RunReport) -> list[tuple[str, str]]:
    """How to do it again: (what for, command), most specific first."""
    steps: list[tuple[str, str]] = []
    pair = report.decisive
    if pair and pair.outcome in ("diverged", "equal"):
        steps.append(("compare again", shell.join(["sac", "diff", str(pair.a.path), str(pair.b.path)])))
    known = [run for run in report.runs if run.command]
    # Of a sweep a few will do: the commands differ in what the page has told.
    steps += [(f"train {run.label} again", run.command) for run in known[: 8 if len(known) <= 8 else 3]]
    if report.runs[0].config:
        steps.append(("train twice in fresh processes and compare", f"sac twin {_flags(report.runs[0])}"))
    return steps


def _flags(run: ReportedRun) -> str:
    """The flags of a run that are not the defaults."""
    return shell.join(changed_flags(run.config))
