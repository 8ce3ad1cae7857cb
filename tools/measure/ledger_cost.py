"""What the ledger costs: `python -m tools.measure.ledger_cost [ENV_ID]`.

Two trainers of the same configuration, one with a ledger line at each iteration and one without, take turns, an
iteration each, in the order A B B A. Printed: the median of the paired ratios, and of the differences.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack

from sac.numerics import profiles
from tools.measure.trainers import make_trainer

PAIRS = 20
CASES = {
    "default flags (16 envs, batch 1024, 32 updates)": {},
    "4 envs, batch 256, 16 updates": {"num_envs": 4, "training_freq": 32, "batch_size": 256},
}


def measure(env_id: str, changes: dict[str, int], stack: ExitStack) -> tuple[float, float]:
    """Median ratio and median difference in milliseconds of an iteration with and without the ledger."""
    trainers = [make_trainer(stack, 4, env_id=env_id, threads=1, ledger_freq=freq, **changes) for freq in (0, 1)]
    ratios, differences = [], []
    for pair in range(PAIRS):
        order = (0, 1) if pair % 2 else (1, 0)
        seconds = dict.fromkeys(order, 0.0)
        for which in order:
            start = time.perf_counter()
            trainers[which].iterate()
            seconds[which] = time.perf_counter() - start
        ratios.append(seconds[1] / seconds[0])
        differences.append(1000 * (seconds[1] - seconds[0]))
    return statistics.median(ratios), statistics.median(differences)


if __name__ == "__main__":
    profiles.prepare("deterministic")
    task = sys.argv[1] if len(sys.argv) > 1 else "StackCube-v1"
    for name, case in CASES.items():
        with ExitStack() as stack:
            ratio, difference = measure(task, case, stack)
            print(f"{task}, {name}: ratio {ratio:.4f}, difference {difference:+.1f} ms an iteration ({PAIRS} pairs)")
