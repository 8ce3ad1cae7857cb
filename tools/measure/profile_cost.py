"""What a promise costs: `python -m tools.measure.profile_cost` times benchmarks under two numerics profiles, in turns.

Each profile has a process of its own, since its variables are read when libraries load. They take turns of some 30 ms
in the order A B B A. Processes of one profile differ by several percent by chance (memory's layout), so what counts is
the median over pairs of fresh processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

from sac.bench.rounds import BenchWorker, Setup
from sac.bench.trees import Tree

ROOT = Path(__file__).parents[2]


def seconds(worker: BenchWorker, calls: int, clock: str) -> float:
    """Median seconds of a call in one turn."""
    return statistics.median(worker.ask(do="time", repetitions=3, calls=calls)[clock])


def ratio(workers: tuple[BenchWorker, BenchWorker], case: str, quadruples: int, clock: str) -> float:
    """Time under the first profile over time under the second: the median of so many quadruples of turns."""
    first, second = workers
    built = [worker.ask(do="build", case=case, count=False) for worker in workers]
    calls = max(1, int(0.01 / built[0]["seconds"]))
    found = []
    for _ in range(quadruples):
        turns = [seconds(worker, calls, clock) for worker in (first, second, second, first)]
        found.append((turns[0] + turns[3]) / (turns[1] + turns[2]))
    return statistics.median(found)


def pair(profiles: list[str], cases: list[str], threads: int, quadruples: int) -> list[float]:
    """The ratio of each benchmark in one pair of fresh processes."""
    # With several threads the wall clock decides: waiting for each other is part of the cost.
    clock = "cpu" if threads == 1 else "wall"
    one, other = (BenchWorker(Tree(ROOT, "here"), Setup(profile, threads)) for profile in profiles)
    with one, other:
        for worker in (one, other):
            worker.greet()
        return [ratio((one, other), case, quadruples, clock) for case in cases]


def main() -> None:
    """Print a ratio for each benchmark and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs=2, default=["deterministic", "fast"])
    parser.add_argument("--cases", nargs="+", default=["update_256", "update_1024", "iteration_point"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--quadruples", type=int, default=5, help="turns of one pair")
    options = parser.parse_args()
    for threads in options.threads:
        pairs = [pair(options.profiles, options.cases, threads, options.quadruples) for _ in range(options.pairs)]
        for case, found in zip(options.cases, zip(*pairs, strict=True), strict=True):
            low, middle, high = statistics.quantiles(found)
            what = f"{case}, {threads} threads"
            print(
                f"{what:28} {' / '.join(options.profiles)} {middle:.3f} (quartiles {low:.3f}, {high:.3f})", flush=True
            )
    print(f"load {os.getloadavg()[0]:.1f}; {options.pairs} pairs of processes")


if __name__ == "__main__":
    main()
