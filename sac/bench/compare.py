"""Base against head: run rounds until every benchmark is decided, or rounds or time run out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sac.bench.errors import BenchError
from sac.bench.judge import MINIMUM_ROUNDS, Interval, Verdict, changed, exit_status, interval, judge, risen
from sac.bench.rounds import Record, Rounds, Setup
from sac.bench.trees import Tree
from sac.bench.workloads.cases import CASES

EXTRA = 3
"""An open question gets up to this many times the first number of pairs."""


@dataclass(frozen=True)
class Wanted:
    """What is compared, and how strictly.

    Attributes:
        names: benchmarks.
        threshold: largest slowdown that passes, as a fraction.
        pairs: pairs of processes to begin with.
        seconds: no pair starts that would end later than this, judging by the pair before; but a verdict gets as many
            as it needs.
        counters: fail if operations, host syncs, copies or allocations rise.
    """

    names: tuple[str, ...] = tuple(CASES)
    threshold: float = 0.10
    pairs: int = 5
    seconds: float = 450.0
    counters: bool = True


@dataclass(frozen=True)
class Result:
    """The outcome of one benchmark.

    Attributes:
        name: of the benchmark.
        verdict: on it.
        interval: head over base, by the clock that decides.
        clock: ``cpu`` or ``wall``.
        base_seconds: median of a call.
        head_seconds: median of a call.
        rounds: pairs of processes that were judged.
        counters: those that differ, base and head.
        counted: the head's counters.
        note: for the reader.
    """

    name: str
    verdict: Verdict
    interval: Interval | None = None
    clock: str = ""
    base_seconds: float | None = None
    head_seconds: float | None = None
    rounds: int = 0
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Everything about one comparison."""

    base: Tree
    head: Tree
    wanted: Wanted
    setup: Setup
    results: list[Result]
    seconds: float
    load: tuple[float, float]
    hellos: tuple[dict[str, Any], dict[str, Any]]
    records: dict[str, Record]

    @property
    def exit_status(self) -> int:
        """0 no slowdown, 1 slowdown, 2 something fails, 4 inconclusive."""
        return exit_status(result.verdict for result in self.results)


def check(wanted: Wanted) -> None:
    """Refuse what can't be compared.

    Raises:
        BenchError: a flag's value can't be used; the message says what would be valid.
    """
    unknown = [name for name in wanted.names if name not in CASES]
    if unknown or not wanted.names:
        raise BenchError(f"--benchmarks {','.join(unknown)}: there are {', '.join(CASES)}")
    if not 0 < wanted.threshold < 1:
        raise BenchError(f"--threshold {wanted.threshold}: must lie between 0 and 1, for example 0.10")
    if wanted.pairs < 3:
        raise BenchError(f"--pairs {wanted.pairs}: at least 3 are needed to judge")
    if not wanted.seconds > 0:
        raise BenchError(f"--seconds {wanted.seconds}: must be greater than 0")


def compare(base: Tree, head: Tree, wanted: Wanted, setup: Setup, say: Callable[[str], None] = print) -> Report:
    """Measure and judge.

    Raises:
        BenchError: a revision can't be measured at all.
    """
    check(wanted)
    start, load = time.monotonic(), os.getloadavg()[0]
    rounds = Rounds(base, head, setup)
    open_names: Sequence[str] = wanted.names
    for number in range(1, wanted.pairs * (1 + EXTRA) + 1):
        say(f"pair {number}: {', '.join(open_names)}")
        began = time.monotonic()
        rounds.run(open_names)
        if number >= wanted.pairs:
            open_names = [name for name in open_names if _is_open(rounds.records.get(name), name, wanted)]
        now = time.monotonic()
        late = now + (now - began) > start + wanted.seconds
        if not open_names or (late and number >= MINIMUM_ROUNDS):
            break
    results = [result_of(name, rounds.records.get(name, Record()), wanted) for name in wanted.names]
    results += missing(rounds.hellos, wanted)
    loads = (load, os.getloadavg()[0])
    return Report(base, head, wanted, setup, results, time.monotonic() - start, loads, rounds.hellos, rounds.records)


def result_of(name: str, record: Record, wanted: Wanted) -> Result:
    """Judge one benchmark."""
    base_error, head_error = record.errors
    if base_error and head_error:
        return Result(name, Verdict.SKIPPED, note=f"can't run here: {head_error}")
    if head_error:
        return Result(name, Verdict.FAILED, note=f"in the head, not in the base: {head_error}")
    if base_error:
        return Result(name, Verdict.NO_BASE, note=f"the base can't run it: {base_error}")
    if not record.samples["wall"].rounds:
        return Result(name, Verdict.INCONCLUSIVE, note="no time was left to measure it")
    verdict, clock = _by_the_clocks(name, record, wanted)
    different = changed(*record.counters)
    note = "; ".join(f"{key} {a} to {b}" for key, (a, b) in different.items())
    if wanted.counters and verdict is not Verdict.SLOWER and risen(*record.counters):
        verdict = Verdict.COUNTERS
    samples = record.samples[clock]
    found = interval(name, samples.log_ratios())
    seconds = samples.medians()
    return Result(name, verdict, found, clock, *seconds, len(samples.rounds), different, record.counters[1], note)


def _by_the_clocks(name: str, record: Record, wanted: Wanted) -> tuple[Verdict, str]:
    """The benchmark's own clock decides, but time lost in waiting is lost too: the wall clock can overrule it.

    Where the wall clock says slower by more than the threshold, and its noise leaves open only by how much, the
    question is open whatever the own clock says.
    """
    found = {clock: interval(name, record.samples[clock].log_ratios()) for clock in ("wall", CASES[name].clock)}
    rounds = len(record.samples["wall"].rounds)
    verdicts = {clock: judge(one, rounds, wanted.threshold) for clock, one in found.items()}
    slower = [clock for clock, verdict in verdicts.items() if verdict is Verdict.SLOWER]
    clock = slower[0] if slower else CASES[name].clock
    wall = found["wall"]
    if not slower and verdicts["wall"] is Verdict.INCONCLUSIVE and wall.low > 1 and wall.ratio > 1 + wanted.threshold:
        clock = "wall"
    return verdicts[clock], clock


def missing(hellos: tuple[dict[str, Any], dict[str, Any]], wanted: Wanted) -> list[Result]:
    """Return the benchmarks that only the base has: a slowdown there could no longer be seen."""
    base, head = (set(hello.get("own", ())) for hello in hellos)
    note = "the base has it, the head has not; name the others with --benchmarks if that is meant"
    everything = set(wanted.names) == set(CASES)
    return [Result(name, Verdict.MISSING, note=note) for name in sorted(base - head) if everything]


def _is_open(record: Record | None, name: str, wanted: Wanted) -> bool:
    """Whether more pairs could decide this benchmark."""
    if record is None:
        return True
    if any(record.errors):
        return False
    if not record.samples["wall"].rounds:
        return True
    return _by_the_clocks(name, record, wanted)[0] is Verdict.INCONCLUSIVE
