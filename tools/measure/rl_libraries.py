"""Gradient steps of Stable-Baselines3 or of SBX, taken when asked: `python rl_libraries.py sb3|sbx BATCH THREADS`.

It runs in those libraries' own environment, so it imports nothing of this project. Each line of standard input is a
number of gradient steps; the answer is a line with the seconds that they took, replay sampling included. The process
is bound to as many cores as threads are asked for, before a library counts them.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

OBSERVATION, ACTION, HIDDEN, ROWS = 48, 7, [256, 256, 256], 131_072
"""Sizes as in `update_peers`."""


def make_model(library: str, batch: int, threads: int) -> Any:
    """Return a SAC with a full replay buffer; the libraries' own defaults but for the sizes."""
    import gymnasium
    import numpy as np
    from stable_baselines3.common.logger import configure

    class Nothing(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (OBSERVATION,), np.float32)
        action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION,), np.float32)

    if library == "sb3":
        import torch
        from stable_baselines3 import SAC

        torch.set_num_threads(threads)
    else:
        from sbx import SAC
    model = SAC("MlpPolicy", Nothing(), batch_size=batch, buffer_size=ROWS, policy_kwargs={"net_arch": HIDDEN})
    model.set_logger(configure(None, []))
    fill(model.replay_buffer)
    return model


def fill(buffer: Any) -> None:
    """Fill a replay buffer with normal numbers."""
    import numpy as np

    random = np.random.default_rng(7)
    for values in (buffer.observations, buffer.next_observations, buffer.rewards):
        values[:] = random.standard_normal(values.shape)
    buffer.actions[:] = random.uniform(-1, 1, buffer.actions.shape)
    buffer.full = True


def main() -> None:
    """Answer until standard input ends."""
    library, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    model = make_model(library, batch, threads)
    for line in sys.stdin:
        start = time.perf_counter()
        model.train(gradient_steps=int(line), batch_size=batch)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
