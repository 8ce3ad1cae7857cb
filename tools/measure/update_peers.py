"""Gradient steps a second against the peers', in one command: `python -m tools.measure.update_peers [--device cpu]`.

Each contender samples its batches from a replay buffer on the device and takes the same number of gradient steps of the
same networks: the eager port of ManiSkill's update, on a GPU LeanRL's recipe, and this project's, which also draws its
noise and indices from its own streams. They take turns; a turn ends when the device has finished.

On a CPU the matrix products of an update have turns of their own: what they take by themselves bounds all of it.

`--libraries PYTHON` adds Stable-Baselines3 and SBX (JAX), each in a process of its own, from an environment that has
them: `python -m venv peers; peers/bin/pip install sbx-rl`, then `--libraries peers/bin/python`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sac.numerics import machine, profiles

# Before torch and NumPy load.
profiles.prepare("deterministic")

import numpy as np  # noqa: E402
import torch  # noqa: E402

OBSERVATION, ACTION, HIDDEN, ENVS, ROWS = 48, 7, 256, 32, 4096
STEPS = {"cuda": 32, "cpu": 6}
"""Gradient steps of one call; on a GPU those of an iteration, as with utd 0.5 and 64 env steps."""
CALLS = {"cuda": (6, 3), "cpu": (1, 1)}
"""Calls in a turn, ours and a peer's."""
BATCHES = {"cuda": [1024, 256, 4096], "cpu": [256, 1024]}
ALONE = "its products alone"

Turn = Callable[[], object]


def ours(batch: int, device: torch.device, *, fused: bool = True, cuda_graph: bool = True) -> Turn:
    """An iteration's gradient steps as the trainer takes them."""
    from sac.config import TrainConfig
    from sac.envs.protocol import EnvSpec
    from sac.learner.factory import make_learner
    from sac.learner.gradient_steps import GradientSteps
    from sac.learner.sac import Learner
    from sac.replay import ReplayBuffer, RowLayout
    from sac.streams import Stream, Streams

    config = TrainConfig(batch_size=batch, buffer_size=ENVS * ROWS, cuda_graph=cuda_graph)
    box, layout = np.ones(ACTION, np.float32), RowLayout(OBSERVATION, ACTION)
    replay = ReplayBuffer(layout, ENVS, ENVS * ROWS, device)
    replay.add(torch.from_numpy(Stream(7, "rows").normal(0, (ROWS, ENVS, layout.width))).to(device))
    spec = EnvSpec("Benchmark-v0", OBSERVATION, -box, box, 50)
    steps = GradientSteps(
        config, (make_learner if fused else Learner)(config, spec, device), replay, Streams(config.seed)
    )
    count = iter(range(1 << 40))
    return lambda: steps.all_at_once(next(count), recorded=False)


def peer(batch: int, device: torch.device, *, compiled: bool) -> Turn:
    """As many gradient steps of a peer."""
    from tests.reference.compiled_peer import CompiledLearner
    from tests.reference.eager_port import EagerLearner, ReplayPort

    replay = ReplayPort(ROWS, ENVS, OBSERVATION, ACTION, device.type)
    for values in (replay.obs, replay.next_obs, replay.actions, replay.rewards):
        values.copy_(torch.randn_like(values))
    replay.full = True
    learner = CompiledLearner(OBSERVATION, ACTION) if compiled else EagerLearner(OBSERVATION, ACTION, device.type)

    def turn() -> None:
        for _ in range(STEPS[device.type]):
            learner.update(replay.sample(batch))

    return turn


def library(name: str, batch: int, threads: int, python: Path) -> Turn:
    """As many gradient steps of another library, in a process that ends with this one."""
    program = Path(__file__).with_name("rl_libraries.py")
    command = [str(python), str(program), name, str(batch), str(threads)]
    # This project's variables for NumPy and torch are not for others.
    environment = {
        key: value for key, value in os.environ.items() if key not in profiles.PROFILES["portable"].environment
    }
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin and process.stdout
    to, answers = process.stdin, process.stdout

    def turn() -> None:
        to.write(f"{STEPS['cpu']}\n")
        to.flush()
        if not answers.readline():
            raise SystemExit(f"--libraries {python}: {name} ended; its words are above")

    return turn


def products_alone(batch: int, device: torch.device) -> Turn:
    """Products of hidden layers with as many operations as the gradient steps of a call have."""
    from sac.numerics.matmul import matmul_for

    linear = matmul_for(device).linear
    rows, weight, bias = torch.randn(batch, HIDDEN), torch.randn(HIDDEN, HIDDEN), torch.zeros(HIDDEN)
    count = round(STEPS[device.type] * operations(batch) / (2 * batch * HIDDEN**2))

    def turn() -> None:
        for _ in range(count):
            linear(rows, weight, bias, relu=False)

    return turn


def operations(batch: int) -> int:
    """Additions and multiplications in the products that an update of SAC with twin critics needs."""
    first, action, hidden = OBSERVATION * HIDDEN, ACTION * HIDDEN, 2 * HIDDEN**2
    actor = first + hidden + 2 * action
    critics = 2 * (first + action + hidden + HIDDEN)
    target = actor + critics
    # Forward, weights' gradients, and the way back through all layers but the first.
    critic_loss = critics + critics + 2 * (hidden + HIDDEN)
    # The critics pass the gradient on to the action and take none themselves.
    actor_loss = actor + critics + 2 * (action + hidden + HIDDEN) + actor + (actor - first)
    return 2 * batch * (target + critic_loss + actor_loss)


def contenders(
    device: torch.device, variants: bool, libraries: Path | None, threads: int
) -> dict[str, Callable[[int], Turn]]:
    """Name -> what makes its turns for a batch size."""
    found: dict[str, Callable[[int], Turn]] = {"eager port": lambda batch: peer(batch, device, compiled=False)}
    if device.type == "cuda":
        found["compile + cudagraphs"] = lambda batch: peer(batch, device, compiled=True)
    else:
        found[ALONE] = lambda batch: products_alone(batch, device)
    if libraries is not None:
        found["Stable-Baselines3"] = lambda batch: library("sb3", batch, threads, libraries)
        found["SBX (JAX)"] = lambda batch: library("sbx", batch, threads, libraries)
    found["ours"] = lambda batch: ours(batch, device)
    if variants:
        found |= {
            "ours, no graph": lambda batch: ours(batch, device, cuda_graph=False),
            "ours, not fused": lambda batch: ours(batch, device, fused=False),
            "ours, not fused, no graph": lambda batch: ours(batch, device, fused=False, cuda_graph=False),
        }
    return found


def wait_for(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(turn: Turn, calls: int, device: torch.device, *, deterministic: bool) -> float:
    """Seconds for a gradient step; the peers run under torch's own defaults."""
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    wait_for(device)
    start = time.perf_counter()
    for _ in range(calls):
        turn()
    wait_for(device)
    return (time.perf_counter() - start) / (calls * STEPS[device.type])


def compare(
    batch: int, rounds: int, device: torch.device, makers: dict[str, Callable[[int], Turn]]
) -> dict[str, list[float]]:
    """Seconds for a gradient step, one for each round."""
    turns = {name: make(batch) for name, make in makers.items()}
    for name, turn in turns.items():
        begun = time.perf_counter()
        seconds(turn, 4, device, deterministic=name.startswith("ours"))
        print(f"  batch {batch}: {name} is ready after {time.perf_counter() - begun:.1f} s", flush=True)
    found: dict[str, list[float]] = {name: [] for name in turns}
    for one in range(rounds):
        order = list(turns) if one % 2 == 0 else list(turns)[::-1]
        for name in order:
            is_ours = name.startswith("ours")
            calls = CALLS[device.type][0 if is_ours else 1]
            found[name].append(seconds(turns[name], calls, device, deterministic=is_ours))
    return found


def profile(batch: int, device: torch.device) -> str:
    """What three calls spend their time on: operations on a CPU, kernels on a GPU."""
    turn, kind = ours(batch, device), device.type
    seconds(turn, 4, device, deterministic=True)
    activity = getattr(torch.profiler.ProfilerActivity, kind.upper())
    with torch.profiler.profile(activities=[activity]) as seen:
        seconds(turn, 3, device, deterministic=True)
    return seen.key_averages().table(sort_by=f"self_{kind}_time_total", row_limit=45, max_name_column_width=90)


def table(result: dict[int, dict[str, list[float]]]) -> str:
    """The comparison in Markdown."""
    lines = [
        "| batch | contender | updates/s | ours against it, median of ratios (lowest, highest) |",
        "|---|---|---|---|",
    ]
    for batch, times in result.items():
        for name, own in times.items():
            ratios = [a / b for a, b in zip(own, times["ours"], strict=True)]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
            lines.append(f"| {batch} | {name} | {1 / statistics.median(own):.1f} | {spread} |")
    return "\n".join(lines)


def rates(batch: int, times: dict[str, list[float]]) -> str:
    """What products reach by themselves, and what they reach in an update."""
    alone, whole = (operations(batch) / statistics.median(times[name]) / 1e9 for name in (ALONE, "ours"))
    return (
        f"batch {batch}: {operations(batch) / 1e9:.2f} GFLOP in the products of an update; {whole:.0f} GFLOP/s in an "
        f"update, {alone:.0f} in a {batch} by {HIDDEN} by {HIDDEN} product by itself ({whole / alone:.0%})"
    )


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for all contenders (%(default)s)")
    parser.add_argument("--batch", type=int, nargs="+", help="default: 256 1024, on a GPU 4096 too")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--libraries", type=Path, metavar="PYTHON", help="a Python that has stable-baselines3 and sbx")
    parser.add_argument(
        "--variants", action="store_true", help="on a GPU: also without graph, and without fused kernels"
    )
    parser.add_argument("--profile", type=Path, help="write there what our updates spend their time on")
    parser.add_argument("--json", type=Path)
    return parser


def main() -> None:
    """Print the contenders' gradient steps a second."""
    options = make_parser().parse_args()
    profiles.apply("deterministic", options.threads)
    device = torch.device(options.device)
    name = torch.cuda.get_device_name() if options.device == "cuda" else machine.cpu_model()
    print(f"{name}, torch {torch.__version__}, {options.threads} CPU threads, load {os.getloadavg()[0]:.1f}")
    makers = contenders(device, options.variants, options.libraries, options.threads)
    result: dict[int, Any] = {}
    for batch in options.batch or BATCHES[device.type]:
        result[batch] = compare(batch, options.rounds, device, makers)
        if options.json:
            options.json.write_text(json.dumps(result))
    print(f"\n{table(result)}")
    if ALONE in makers:
        print(*(rates(batch, times) for batch, times in result.items()), sep="\n")
    if options.profile:
        options.profile.write_text("\n".join(profile(batch, device) for batch in result))


if __name__ == "__main__":
    main()
