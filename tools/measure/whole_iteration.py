"""Whole training iterations (env steps and updates) against a port of ManiSkill's loop: the command of issue 1250.

`python -m tools.measure.whole_iteration` runs both in processes of their own, which take turns of one iteration: 64 env
steps of 32 StackCube-v1, then 32 gradient steps of batch 1024. The port is `eager_port` over gymnasium's AsyncVectorEnv
(`env_step_peers`), in the order of ManiSkill's `sac.py`; all have the same number of learner threads. `--contenders
sb3 ours` takes Stable-Baselines3's own loop over the same AsyncVectorEnv; it must be installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sac.numerics.profiles import PROFILES
from tools.measure.env_step_peers import async_envs, descendants, make_stepper
from tools.measure.trainers import make_trainer

TASK, CONTROL, ENVS, ACTIONS = "StackCube-v1", "pd_ee_delta_pos", 32, 4
STEPS, UPDATES, BATCH = 64, 32, 1024
OURS = ("ours", "overlap")
BEFORE = 5
"""Iterations before the clock starts: replay filled, kernels and pages touched."""


def make_port(threads: int) -> Callable[[], None]:
    """An iteration of ManiSkill's loop."""
    step = make_stepper("async-fork", TASK, CONTROL, ENVS)
    import numpy as np
    import torch

    from tests.reference.eager_port import EagerLearner, ReplayPort

    torch.set_num_threads(threads)
    observation = torch.from_numpy(step(np.zeros((ENVS, ACTIONS), np.float32))[0])
    size = observation.shape[1]
    learner, replay = EagerLearner(size, ACTIONS), ReplayPort(20_000 // ENVS, ENVS, size, ACTIONS, "cpu")

    def iterate() -> None:
        nonlocal observation
        for _ in range(STEPS // ENVS):
            with torch.no_grad():
                action = learner.actor.get_action(observation)[0]
            found, reward, _, truncated, _ = step(action.numpy())
            after = torch.from_numpy(found)
            replay.add(
                observation, after, action, torch.from_numpy(reward).float(), torch.from_numpy(truncated).float()
            )
            observation = after
        for _ in range(UPDATES):
            learner.update(replay.sample(BATCH))

    return iterate


def make_sb3_loop(threads: int) -> Callable[[], None]:
    """An iteration of Stable-Baselines3's loop."""
    from tools.measure.sb3_loop import make_sb3

    envs = async_envs("fork", TASK, CONTROL, ENVS)
    return make_sb3(envs, steps=STEPS, updates=UPDATES, batch=BATCH, rows=20_000, threads=threads)


def make_ours(threads: int, stack: ExitStack, *, overlap: bool) -> Callable[[], None]:
    """An iteration of `sac train`, its ledger line included."""
    flags: dict[str, Any] = {
        "env_id": TASK,
        "num_envs": ENVS,
        "control_mode": CONTROL,
        "threads": threads,
        "device": "cpu",
    }
    iterate: Callable[[], None] = make_trainer(stack, 0, overlap=overlap, **flags).iterate
    return iterate


def host(contender: str, threads: int) -> None:
    """One iteration for each line of standard input, answered with its seconds."""
    with ExitStack() as stack:
        if contender == "port":
            iterate = make_port(threads)
        elif contender == "sb3":
            iterate = make_sb3_loop(threads)
        else:
            iterate = make_ours(threads, stack, overlap=contender == "overlap")
        for _ in range(BEFORE):
            iterate()
        print("ready", flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            iterate()
            print(f"seconds {time.perf_counter() - start}", flush=True)
        os._exit(0)


class Host:
    """A contender in a process of its own."""

    def __init__(self, contender: str, threads: int) -> None:
        module = "tools.measure.whole_iteration"
        command = [sys.executable, "-m", module, "--host", contender, "--threads", str(threads)]
        # Others run under torch's own defaults.
        profile = PROFILES["deterministic"].environment if contender in OURS else {}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **profile}
        )
        self.contender = contender
        self.answer("ready")

    def answer(self, word: str) -> str:
        """Wait for the line that begins with a word."""
        for line in self.process.stdout or ():
            if line.startswith(word):
                return line
        raise RuntimeError(f"{self.contender} ended")

    def turn(self) -> float:
        """Seconds of one iteration."""
        print(file=self.process.stdin, flush=True)
        return float(self.answer("seconds").split()[1])

    def end(self) -> None:
        """End it and all that it has started."""
        for pid in reversed(descendants(self.process.pid)):
            os.kill(pid, 9)
        self.process.wait()


def main() -> None:
    """Compare the contenders, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", help=argparse.SUPPRESS)
    parser.add_argument("--contenders", nargs="+", default=["port", "ours"], choices=["port", "sb3", *OURS])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    if options.host:
        host(options.host, options.threads)
        return
    hosts = {name: Host(name, options.threads) for name in options.contenders}
    try:
        seconds: dict[str, list[float]] = {name: [] for name in hosts}
        for number in range(options.rounds):
            for name in list(hosts)[:: 1 if number % 2 == 0 else -1]:
                seconds[name].append(hosts[name].turn())
    finally:
        for contender in hosts.values():
            contender.end()
    print(f"load {os.getloadavg()[0]:.1f}; {options.threads} learner threads; {options.rounds} rounds")
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds[options.contenders[0]], found, strict=True))
        rate = STEPS / statistics.median(found)
        print(f"{name:8} {rate:6.1f} env steps/s, {ratio:.2f} times {options.contenders[0]}")


if __name__ == "__main__":
    main()
