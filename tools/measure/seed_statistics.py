"""How often `sac stats` is right: coverage of its intervals, false alarms and power of its sequential test.

`python -m tools.measure.seed_statistics` prints the tables of docs/statistics.md. It takes minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sac.statistics import comparison, intervals, sequential
from sac.statistics.intervals import AGGREGATES, estimate
from sac.statistics.sequential import SPENT, judge_sequentially, looks, nominal_levels

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
EXPERIMENTS, RESAMPLES = 2000, 1000
MOST_SEEDS, COMPARISONS = 10, 1000
SEEDS = (5, 6, 8, 10, 20)
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "beta(2, 2)": lambda rng, shape: rng.beta(2, 2, shape),
    "beta(4, 2), seen in 16 episodes": lambda rng, shape: rng.binomial(16, rng.beta(4, 2, shape)) / 16,
    "beta(5, 1), strongly skewed": lambda rng, shape: rng.beta(5, 1, shape),
}


def coverage(name: str, draw: Draw, seeds: int) -> float:
    """In which share of experiments the 95 % interval of an aggregate holds the true value."""
    truth = AGGREGATES[name](draw(np.random.default_rng(1), (1_000_000,)))
    found = estimate(name, (draw(np.random.default_rng(2), (EXPERIMENTS, seeds)),))
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def alarms(draw: Draw, shift: float) -> tuple[float, float]:
    """Share of sequential comparisons that end in a difference, and seeds on each side at the end, on average."""
    found, seeds = 0, 0
    for number in range(COMPARISONS):
        rng = np.random.default_rng(number)
        a, b = draw(rng, (MOST_SEEDS,)), draw(rng, (MOST_SEEDS,)) + shift
        judgement = judge_sequentially(a, b, 0.05, None, 0.8, MOST_SEEDS)
        found += judgement.decision == "difference"
        seeds += judgement.counts[0]
    return found / COMPARISONS, seeds / COMPARISONS


def make_quick() -> None:
    """Fewer resamples and arrangements, nothing that no decision needs, levels computed once."""
    intervals.RESAMPLES = RESAMPLES
    comparison.PERMUTATIONS = 999
    comparison._improvement = lambda a, b: (math.nan, math.nan, math.nan)
    levels = nominal_levels([count / MOST_SEEDS for count in looks(MOST_SEEDS)], SPENT * 0.05)
    sequential.nominal_levels = lambda *arguments: levels


def main() -> None:
    """Print both tables."""
    make_quick()
    for label, draw in DISTRIBUTIONS.items():
        for name in AGGREGATES:
            print(label, name, *(f"{coverage(name, draw, seeds):.3f}" for seeds in SEEDS), sep=" | ", flush=True)
    for label, draw in DISTRIBUTIONS.items():
        print("no difference", label, *alarms(draw, 0.0), sep=" | ", flush=True)
    for shift in (1.0, 1.5, 2.0):
        print(f"{shift} standard deviations", *alarms(DISTRIBUTIONS["normal"], shift), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
