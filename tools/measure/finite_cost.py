"""`python -m tools.measure.finite_cost`: what looking for NaN costs, against the updates of an iteration, in turns.

The sizes are those of StackCube-v1 and of the default flags, on one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.factory import make_learner
from sac.learner.finite import FiniteCheck
from sac.replay import RowLayout

OBSERVATION, ACTION, ROUNDS = 48, 8, 40


def main() -> None:
    """Print the medians and their ratio."""
    torch.set_num_threads(1)
    config = TrainConfig()
    spec = EnvSpec("StackCube-v1", OBSERVATION, -np.ones(ACTION, np.float32), np.ones(ACTION, np.float32), 50)
    learner = make_learner(config, spec, torch.device("cpu"))
    layout = RowLayout(OBSERVATION, ACTION)
    rows = torch.rand(config.batch_size, layout.width)
    noise = torch.randn(2, config.batch_size, ACTION)
    check = FiniteCheck(learner.state, config)
    info = learner.update(layout.unpack(rows), noise)

    def look() -> None:
        check.queue(1, 64, info)
        check.settle()

    updates, looks = [], []
    for _ in range(ROUNDS):
        updates.append(_seconds(lambda: learner.update(layout.unpack(rows), noise)))
        looks.append(_seconds(look))
    update, looked = statistics.median(updates), statistics.median(looks)
    steps = config.grad_steps_per_iteration
    print(f"an update {update * 1e3:.2f} ms, a look {looked * 1e3:.3f} ms, {looked / update:.2%} of one update")
    print(f"an iteration of the default flags has {steps} updates: {looked / (update * steps):.3%} of them")


def _seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
