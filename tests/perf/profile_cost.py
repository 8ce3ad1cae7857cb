"""What a promise costs: `python -m tests.perf.profile_cost` times benchmarks under two numerics profiles, in turns.

Each profile has a process of its own, since its variables are read when libraries load. They take turns of some 30 ms
in the order A B B A; the ratio of a quadruple is of its medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

from sac.bench.rounds import Setup, Worker
from sac.bench.trees import Tree

ROOT = Path(__file__).parents[2]


def seconds(worker: Worker, calls: int, clock: str) -> float:
    """Median seconds of a call in one turn."""
    return statistics.median(worker.ask(do="time", repetitions=3, calls=calls)[clock])


def ratios(workers: tuple[Worker, Worker], case: str, quadruples: int, clock: str) -> list[float]:
    """Time under the first profile over time under the second, one for each quadruple of turns."""
    first, second = workers
    built = [worker.ask(do="build", case=case, count=False) for worker in workers]
    calls = max(1, int(0.01 / built[0]["seconds"]))
    found = []
    for _ in range(quadruples):
        turns = [seconds(worker, calls, clock) for worker in (first, second, second, first)]
        found.append((turns[0] + turns[3]) / (turns[1] + turns[2]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs=2, default=["deterministic", "fast"])
    parser.add_argument("--cases", nargs="+", default=["update_256", "update_1024", "iteration_point"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--quadruples", type=int, default=25)
    options = parser.parse_args()
    tree = Tree(ROOT, "here")
    for threads in options.threads:
        # With several threads the wall clock decides: waiting for each other is part of the cost.
        clock = "cpu" if threads == 1 else "wall"
        one, other = (Worker(tree, Setup(profile, threads)) for profile in options.profiles)
        with one, other:
            for worker in (one, other):
                worker.greet()
            for case in options.cases:
                low, middle, high = statistics.quantiles(ratios((one, other), case, options.quadruples, clock))
                what = f"{case}, {threads} threads, {clock} time"
                print(f"{what:44} {' / '.join(options.profiles)} {middle:.3f} (quartiles {low:.3f}, {high:.3f})")
    print(f"load {os.getloadavg()[0]:.1f}, {options.quadruples} quadruples of turns each")


if __name__ == "__main__":
    main()
