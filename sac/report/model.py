"""What a report says, before it is HTML or Markdown: the verdict, the pairs, the curves, the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sac.config import NAMING_FIELDS, changed_flags
from sac.display import shell
from sac.ledger.comparison import LedgerComparison, NotComparable, compare
from sac.ledger.divergence import DetailName, LedgerDivergence
from sac.ledger.file import LedgerError
from sac.report.answers import Answer
from sac.report.benches import Bench
from sac.report.runs import ReportedRun
from sac.report.strip import Strip, StripBuilder

Outcome = Literal["diverged", "not comparable", "equal", "other seeds", "one run"]

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
        if self.comparison.equal:
            return "equal"
        return "other seeds" if differ_in_seed_only(self.a, self.b) else "diverged"

    @property
    def divergence(self) -> LedgerDivergence | None:
        """Where they part."""
        return self.comparison.first if self.comparison else None


@dataclass(frozen=True)
class RunReport:
    """All runs, the comparison of each with the one it should equal, and what `sac why` answered."""

    runs: tuple[ReportedRun, ...]
    pairs: tuple[RunPair, ...]
    answers: tuple[Answer, ...] = ()
    benches: tuple[Bench, ...] = ()

    @property
    def decisive(self) -> RunPair | None:
        """The pair that the verdict is about: the worst, and among equals the first."""
        order: list[Outcome] = ["diverged", "not comparable", "equal", "other seeds"]
        return min(self.pairs, key=lambda pair: order.index(pair.outcome), default=None)

    @property
    def outcome(self) -> Outcome:
        """The verdict in a word or two."""
        return self.decisive.outcome if self.decisive else "one run"

    @property
    def headline(self) -> str:
        """The verdict in one sentence, with where."""
        pair = self.decisive
        if not self.runs:
            return "; ".join(answer.headline for answer in self.answers)
        if pair is None:
            return f"One run, {self.runs[0].label}: nothing to compare it with"
        if pair.outcome == "diverged" and pair.divergence:
            return f"{pair.title} {pair.divergence.headline}{self._count('diverged')}"
        if pair.outcome == "not comparable":
            return f"{pair.title} can't be compared"
        if pair.outcome == "other seeds":
            since = f" from iteration {pair.divergence.iteration} on" if pair.divergence else ""
            return f"{len(self.runs)} runs that differ in their seed only: their bits differ{since}, as they must"
        return f"Equal, bit for bit{self._reach()}: {self._equal_words()}"

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """The verdict's further lines, as (name, text), most important first."""
        return (*self._told(), *self._damage())

    def _told(self) -> tuple[tuple[str, str], ...]:
        pair = self.decisive
        if pair is None:
            return self._trouble() or (("next", f"`sac twin {_flags(self.runs[0])}` trains again and compares"),)
        if pair.outcome == "diverged" and pair.divergence:
            details = pair.divergence.details
            return tuple((name, details[name]) for name in ORDER if name in details)
        if pair.outcome == "not comparable":
            return (("reason", pair.reason), ("next", "compare two runs of the same command: `sac twin` makes them"))
        if pair.outcome == "other seeds":
            return (("meaning", "look at the curves: whether they agree is a question of statistics, not of bits"),)
        compared = pair.comparison.compared_iterations if pair.comparison else 0
        scope = f"{compared} iterations compared, every channel that both ledgers hold"
        return (("compared", scope), *(("note", note) for note in self.notes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how far the comparisons reach, each note once."""
        noted = [note for pair in self.pairs if pair.comparison for note in pair.comparison.notes]
        unmoved = [pair for pair in self.pairs if pair.outcome == "equal" and differ_in_seed_only(pair.a, pair.b)]
        noted += [f"{pair.title} have unlike seeds and yet equal bits: the seed has no effect" for pair in unmoved]
        return tuple(dict.fromkeys(noted))

    def _damage(self) -> tuple[tuple[str, str], ...]:
        """What of the runs' files can't be read, though it is not what the verdict is about."""
        return tuple(("damaged", text) for run in self.runs for text in run.damage)

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
    runs: Sequence[ReportedRun], answers: Sequence[Answer] = (), benches: Sequence[Bench] = ()
) -> RunReport:
    """Compare each run with the first one that it should equal: of its own seed where there is one."""
    pairs: list[RunPair] = []
    if len(runs) == 1:
        # Of several runs every ledger is read where it is compared.
        runs = [_checked(runs[0])]
    for position, run in enumerate(runs[1:], start=1):
        alike = [earlier for earlier in runs[:position] if earlier.config.get("seed") == run.config.get("seed")]
        pairs.append(_pair((alike or runs)[0], run))
    return RunReport(tuple(runs), tuple(pairs), tuple(answers), tuple(benches))


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


def differ_in_seed_only(a: ReportedRun, b: ReportedRun) -> bool:
    """Whether two runs are one experiment under two seeds."""
    return a.config.get("seed") != b.config.get("seed") and a.meaning == b.meaning


@dataclass(frozen=True)
class Curve:
    """One line of a picture: (step, middle, low, high) at each evaluation; low and high are the range over seeds."""

    label: str
    points: tuple[tuple[float, float, float, float], ...]
    band: bool


def curves(runs: Sequence[ReportedRun], column: str, most: int = 400) -> list[Curve]:
    """One curve for each experiment, its seeds together; runs that found exactly the same share a line."""
    groups: dict[object, list[ReportedRun]] = {}
    for run in runs:
        if run.metrics.get(column):
            groups.setdefault(run.meaning, []).append(run)
    found: list[Curve] = []
    for group in groups.values():
        distinct: dict[tuple[tuple[float, float], ...], list[ReportedRun]] = {}
        for run in group:
            distinct.setdefault(run.metrics[column], []).append(run)
        one_seed = len({run.config.get("seed") for run in group}) == 1
        if len(distinct) > 1 and not one_seed:
            seeds = len({run.config.get("seed") for run in group})
            found.append(_banded([run[0] for run in distinct.values()], column, seeds, _name(group, len(groups))))
        else:
            for points, alike in distinct.items():
                label = " = ".join(run.label for run in alike)
                found.append(Curve(label, tuple((step, value, value, value) for step, value in points), False))
    return [_thinned(curve, most) for curve in found]


def _name(group: Sequence[ReportedRun], groups: int) -> str:
    return "" if groups == 1 else f"{group[0].label}, …: "


def _banded(runs: Sequence[ReportedRun], column: str, seeds: int, name: str) -> Curve:
    tables = [dict(run.metrics[column]) for run in runs]
    steps = sorted(set.intersection(*(set(table) for table in tables)))
    rows = [(step, [table[step] for table in tables]) for step in steps]
    points = tuple((step, sum(values) / len(values), min(values), max(values)) for step, values in rows)
    return Curve(f"{name}mean of {seeds} seeds, band from lowest to highest", points, True)


def _thinned(curve: Curve, most: int) -> Curve:
    """Every n-th point, and the last: no screen shows more."""
    stride = max(1, -(-len(curve.points) // most))
    kept = curve.points[::stride]
    if curve.points and kept[-1] != curve.points[-1]:
        kept = (*kept, curve.points[-1])
    return Curve(curve.label, kept, curve.band)


@dataclass(frozen=True)
class Entry:
    """One named entry of the runs' headers, with each run's value."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        return len(set(self.values)) > 1


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
    steps += [(f"train {run.label} again", run.command) for run in known[:8]]
    if report.runs[0].config:
        steps.append(("train twice in fresh processes and compare", f"sac twin {_flags(report.runs[0])}"))
    return steps


def _flags(run: ReportedRun) -> str:
    """The flags of a run that are not the defaults."""
    return shell.join(changed_flags(run.config))
