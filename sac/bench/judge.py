"""The verdict on paired times: a bootstrap interval of the ratio, compared with a threshold.

One observation is a quadruple A B B A (or B A A B): the mean log time of the two B minus that of the two A, so that a
drift which is linear over the four cancels. Several quadruples come from one pair of processes; what a process draws at
its start (addresses, huge pages) is common to them, so the bootstrap draws pairs of processes first and quadruples
within each second (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8). The statistic is
the median, which a spike can't move.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from sac.streams import Stream

CONFIDENCE = 0.99
RESAMPLES = 2000
_SEED = 20_260_101
MINIMUM_ROUNDS = 3
"""Fewer pairs of processes can't say how much one differs from the next."""

NO_SLOWDOWN, SLOWDOWN, ERROR, INCONCLUSIVE = 0, 1, 2, 4


class Verdict(Enum):
    """What is said of one benchmark."""

    SLOWER = "slower"
    FASTER = "faster"
    WITHIN = "within the threshold"
    INCONCLUSIVE = "inconclusive"
    COUNTERS = "counters rose"
    FAILED = "fails"
    MISSING = "missing"
    NO_BASE = "no base"
    SKIPPED = "skipped"


_EXIT = {
    Verdict.FAILED: ERROR,
    Verdict.MISSING: ERROR,
    Verdict.SLOWER: SLOWDOWN,
    Verdict.COUNTERS: SLOWDOWN,
    Verdict.INCONCLUSIVE: INCONCLUSIVE,
}
_WORST_FIRST = (ERROR, SLOWDOWN, INCONCLUSIVE)
COMPARED = frozenset({Verdict.SLOWER, Verdict.FASTER, Verdict.WITHIN, Verdict.INCONCLUSIVE, Verdict.COUNTERS})


@dataclass
class Samples:
    """Times of one benchmark in seconds, [round][quadruple] = ((a, a), (b, b))."""

    rounds: list[list[tuple[tuple[float, float], tuple[float, float]]]] = field(default_factory=list)

    def log_ratios(self) -> np.ndarray:
        """(R, Q) log(head / base) of every quadruple."""
        times = np.log(np.array(self.rounds, dtype=np.float64))
        ratios: np.ndarray = times[:, :, 1].mean(axis=-1) - times[:, :, 0].mean(axis=-1)
        return ratios

    def medians(self) -> tuple[float, float]:
        """Median seconds of base and head."""
        times = np.array(self.rounds, dtype=np.float64)
        return float(np.median(times[:, :, 0])), float(np.median(times[:, :, 1]))


@dataclass(frozen=True)
class Interval:
    """Head's time over base's: estimate and confidence interval."""

    ratio: float
    low: float
    high: float


def interval(name: str, log_ratios: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Bootstrap the median ratio on two levels (percentiles); random numbers depend only on name and sizes.

    Args:
        name: of the benchmark.
        log_ratios: (R, Q), R pairs of processes with Q quadruples each.
        confidence: of the interval.
    """
    rounds, quadruples = log_ratios.shape
    stream = Stream(_SEED, f"bench.bootstrap.{name}")
    draw_rounds = stream.integers(2 * rounds, rounds, (RESAMPLES, rounds, 1))
    draw_quadruples = stream.integers(2 * rounds + 1, quadruples, (RESAMPLES, rounds, quadruples))
    medians = np.median(log_ratios[draw_rounds, draw_quadruples].reshape(RESAMPLES, -1), axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return Interval(math.exp(float(np.median(log_ratios))), math.exp(float(low)), math.exp(float(high)))


def judge(found: Interval, rounds: int, threshold: float) -> Verdict:
    """Judge: slower or faster if the whole interval is beyond the threshold, within if all of it is inside."""
    if rounds < MINIMUM_ROUNDS:
        return Verdict.INCONCLUSIVE
    if found.low > 1 + threshold:
        return Verdict.SLOWER
    if found.high > 1 + threshold:
        return Verdict.INCONCLUSIVE
    return Verdict.FASTER if found.high < 1 / (1 + threshold) else Verdict.WITHIN


def risen(base: dict[str, int], head: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Return the counters of which the head has more than the base; they are exact, so one more counts."""
    return {name: (base[name], head[name]) for name in base if name in head and head[name] > base[name]}


def changed(base: dict[str, int], head: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Return the counters that differ, either way."""
    return {name: (base[name], head[name]) for name in base if name in head and head[name] != base[name]}


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """Return 2 if a benchmark fails or nothing was compared, else 1 for a slowdown, 4 for an open question, else 0."""
    found = list(verdicts)
    codes = {_EXIT.get(verdict, NO_SLOWDOWN) for verdict in found}
    if not COMPARED & set(found):
        return ERROR
    return next((code for code in _WORST_FIRST if code in codes), NO_SLOWDOWN)
