"""Env steps a second, and memory, of this package's vector environments and of their peers.

`python -m tools.measure.env_step_peers` starts each contender in a process of its own and lets them step in turn
(A B C, C B A, …), so that whatever else the machine does strikes all alike: only ratios within a round are compared.

The peer is gymnasium's AsyncVectorEnv over ManiSkill's CPUGymWrapper, one process for each environment, started by
forkserver as in ManiSkill's own baselines, or by fork, gymnasium's default on Linux.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gymnasium.vector import AsyncVectorEnv

CONTENDERS = ("pooled", "serial", "async-forkserver", "async-fork")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def make_peer_env(env_id: str, control_mode: str) -> Any:
    """One environment as ManiSkill's baselines make it for AsyncVectorEnv."""
    import gymnasium

    from sac.envs.maniskill.headless import prepare_rendering

    prepare_rendering()
    import mani_skill.envs
    from mani_skill.utils.wrappers.gymnasium import CPUGymWrapper

    assert mani_skill.envs
    options: dict[str, Any] = {"obs_mode": "state", "reward_mode": "normalized_dense", "sim_backend": "physx_cpu"}
    env = gymnasium.make(env_id, control_mode=control_mode, render_backend="none", reconfiguration_freq=0, **options)
    return CPUGymWrapper(env, ignore_terminations=True, record_metrics=True)


def async_envs(context: str, env_id: str, control_mode: str, num_envs: int) -> AsyncVectorEnv:
    """Return gymnasium's AsyncVectorEnv of a task; its processes begin by `context`, fork or forkserver."""
    import gymnasium

    make = functools.partial(make_peer_env, env_id, control_mode)
    # The parent must know ManiSkill to fork it; otherwise it stays light, as the pool's parent does.
    if context == "fork":
        make().close()
    return gymnasium.vector.AsyncVectorEnv([make] * num_envs, context=context)


def make_stepper(contender: str, env_id: str, control_mode: str, num_envs: int) -> Callable[[np.ndarray], Any]:
    """Build a contender, reset it, and return what steps it by actions (N, A)."""
    if contender.startswith("async"):
        peers = async_envs(contender.split("-")[1], env_id, control_mode, num_envs)
        peers.reset(seed=1)
        return peers.step
    import torch

    from sac.envs.factory import make_vector_env
    from sac.envs.workers.pool import resolve_workers
    from sac.streams import EpisodeSeeds

    torch.set_num_threads(1)
    workers = resolve_workers("auto" if contender == "pooled" else "serial", num_envs)
    seeds = EpisodeSeeds(1, "train")
    envs = make_vector_env(
        env_id, num_envs, seeds, control_mode=control_mode, ignore_terminations=True, workers=workers
    )
    envs.reset()
    return lambda action: envs.step(torch.from_numpy(action))


def host(contender: str, env_id: str, control_mode: str, num_envs: int, action_dim: int) -> None:
    """Step as often as standard input says, and answer with the seconds that it took."""
    step = make_stepper(contender, env_id, control_mode, num_envs)
    rng = np.random.RandomState(0)
    print("ready", flush=True)
    for line in sys.stdin:
        actions = rng.uniform(-1, 1, (int(line), num_envs, action_dim)).astype(np.float32)
        start = time.perf_counter()
        for action in actions:
            step(action)
        print(time.perf_counter() - start, flush=True)
    os._exit(0)


def descendants(pid: int) -> list[int]:
    """A process and all that it has started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(below for child in children for below in descendants(int(child)))]


def memory(pid: int) -> float:
    """Proportional set size of a process and its descendants in MiB: shared pages are counted once in all."""
    total = 0
    for member in descendants(pid):
        lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


class Host:
    """A contender in a process of its own."""

    def __init__(self, contender: str, options: argparse.Namespace) -> None:
        arguments = [contender, options.env_id, options.control_mode, str(options.num_envs), str(options.action_dim)]
        command = [sys.executable, "-m", "tools.measure.env_step_peers", "--host", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
        )
        start = time.perf_counter()
        while (line := self._answer()).strip() != "ready":
            if not line:
                raise RuntimeError(f"{contender} ended before it was ready")
        self.seconds_to_start = time.perf_counter() - start
        self.rates: list[float] = []

    def step(self, steps: int) -> float:
        """Step so often; returns the seconds."""
        print(steps, file=self.process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        """The next line of its output; empty where it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> None:
        """End it and all that it has started: forked peers outlive their parent, whose pipes they hold themselves."""
        for pid in reversed(descendants(self.process.pid)):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def compare(options: argparse.Namespace) -> None:
    """Start the contenders, measure, and end them."""
    hosts: dict[str, Host] = {}
    try:
        for name in options.contenders:
            hosts[name] = Host(name, options)
        measure(hosts, options)
    finally:
        for contender in hosts.values():
            contender.end()


def measure(hosts: dict[str, Host], options: argparse.Namespace) -> None:
    """Let all step in turn, and print what was found."""
    print(f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores; {options.num_envs} {options.env_id}")
    for contender in hosts.values():
        contender.step(2)
    for number in range(options.rounds):
        order = list(hosts.values())[:: 1 if number % 2 == 0 else -1]
        for contender in order:
            contender.rates.append(options.steps * options.num_envs / contender.step(options.steps))
    first = next(iter(hosts.values()))
    print(f"{'contender':18}{'steps/s':>9}{'ratio':>8}{'PSS MiB':>10}{'start s':>9}")
    for name, contender in hosts.items():
        ratio = statistics.median(a / b for a, b in zip(first.rates, contender.rates, strict=True))
        rate = statistics.median(contender.rates)
        pss = memory(contender.process.pid)
        print(f"{name:18}{rate:>9.0f}{ratio:>8.2f}{pss:>10.0f}{contender.seconds_to_start:>9.1f}")
    print(f"ratio: how many times as fast {next(iter(hosts))} is, median of {options.rounds} rounds")
    print(f"load {os.getloadavg()[0]:.1f} at the end")


def main() -> None:
    """Compare the contenders, or be one of them."""
    if sys.argv[1:2] == ["--host"]:
        contender, env_id, control_mode, num_envs, action_dim = sys.argv[2:]
        host(contender, env_id, control_mode, int(num_envs), int(action_dim))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS[:3], choices=CONTENDERS)
    parser.add_argument("--env_id", default="StackCube-v1")
    parser.add_argument("--control_mode", default="pd_ee_delta_pos")
    parser.add_argument("--action_dim", type=int, default=4)
    parser.add_argument("--num_envs", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10, help="vector steps in one turn")
    parser.add_argument("--rounds", type=int, default=6)
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
