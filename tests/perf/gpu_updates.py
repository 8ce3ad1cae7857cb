"""Gradient steps a second on a GPU, in one command: `python -m tests.perf.gpu_updates`.

Each contender samples its batches from a replay buffer on the GPU and takes the same number of gradient steps of the
same networks: the eager port of ManiSkill's update, LeanRL's recipe, and this project's, which also draws its noise
and indices from its own streams. They take turns; a turn ends when the device has finished.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from sac import numerics

# Before torch and NumPy load.
numerics.prepare("deterministic")

import numpy as np  # noqa: E402
import torch  # noqa: E402

OBSERVATION, ACTION, ENVS, ROWS = 48, 7, 32, 4096
STEPS = 32
"""Gradient steps of an iteration, as with utd 0.5 and 64 env steps."""

Turn = Callable[[], None]


def ours(batch: int, *, fused: bool = True, cuda_graph: bool = True) -> Turn:
    """An iteration's gradient steps as the trainer takes them."""
    from sac.config import TrainConfig
    from sac.envs.protocol import EnvSpec
    from sac.gradient_steps import GradientSteps
    from sac.learner import Learner
    from sac.replay import ReplayBuffer, RowLayout
    from sac.strategy import make_learner
    from sac.streams import Stream

    config = TrainConfig(batch_size=batch, buffer_size=ENVS * ROWS, cuda_graph=cuda_graph)
    box, layout, device = np.ones(ACTION, np.float32), RowLayout(OBSERVATION, ACTION), torch.device("cuda")
    replay = ReplayBuffer(layout, ENVS, ENVS * ROWS, device)
    replay.add(torch.from_numpy(Stream(7, "rows").normal(0, (ROWS, ENVS, layout.width))).to(device))
    spec = EnvSpec("Benchmark-v0", OBSERVATION, -box, box, 50)
    steps = GradientSteps(config, (make_learner if fused else Learner)(config, spec, device), replay)
    count = iter(range(1 << 40))

    def turn() -> None:
        list(steps.shares(next(count), [STEPS], witnessed=False))

    return turn


def peer(batch: int, compiled: bool) -> Turn:
    """As many gradient steps of a peer."""
    from tests.perf.compiled_peer import CompiledLearner
    from tests.perf.eager_port import EagerLearner, ReplayPort

    replay = ReplayPort(ROWS, ENVS, OBSERVATION, ACTION, "cuda")
    for values in (replay.obs, replay.next_obs, replay.actions, replay.rewards):
        values.copy_(torch.randn_like(values))
    replay.full = True
    learner = CompiledLearner(OBSERVATION, ACTION) if compiled else EagerLearner(OBSERVATION, ACTION, "cuda")

    def turn() -> None:
        for _ in range(STEPS):
            learner.update(replay.sample(batch))

    return turn


def seconds(turn: Turn, repeats: int, *, deterministic: bool = True) -> float:
    """Seconds for a gradient step; the peers run under torch's own defaults."""
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        turn()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / (repeats * STEPS)


CONTENDERS: dict[str, Callable[[int], Turn]] = {
    "eager port": lambda batch: peer(batch, compiled=False),
    "compile + cudagraphs": lambda batch: peer(batch, compiled=True),
    "ours": ours,
}
VARIANTS: dict[str, Callable[[int], Turn]] = {
    "ours, no graph": lambda batch: ours(batch, cuda_graph=False),
    "ours, not fused": lambda batch: ours(batch, fused=False),
    "ours, not fused, no graph": lambda batch: ours(batch, fused=False, cuda_graph=False),
}


def compare(batch: int, rounds: int, names: list[str]) -> dict[str, list[float]]:
    """Seconds for a gradient step, one for each round."""
    turns = {name: (CONTENDERS | VARIANTS)[name](batch) for name in names}
    for name, turn in turns.items():
        begun = time.perf_counter()
        seconds(turn, 4, deterministic=name.startswith("ours"))
        print(f"  batch {batch}: {name} is ready after {time.perf_counter() - begun:.1f} s", flush=True)
    found: dict[str, list[float]] = {name: [] for name in turns}
    for one in range(rounds):
        order = list(turns) if one % 2 == 0 else list(turns)[::-1]
        for name in order:
            is_ours = name.startswith("ours")
            found[name].append(seconds(turns[name], 6 if is_ours else 3, deterministic=is_ours))
    return found


def profile(batch: int) -> str:
    """Kernels of ten iterations by the time that they take."""
    turn = ours(batch)
    seconds(turn, 4)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        seconds(turn, 3)
    return seen.key_averages().table(sort_by="self_cuda_time_total", row_limit=45, max_name_column_width=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--variants", action="store_true", help="also without graph, and without fused kernels")
    parser.add_argument("--profile", type=Path, help="write a table of kernels there")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    numerics.apply("deterministic", 1)
    names = [*CONTENDERS, *(VARIANTS if arguments.variants else ())]
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    result = {batch: compare(batch, arguments.rounds, names) for batch in arguments.batch}
    print(
        "\n| batch | contender | updates/s | ours against it, median of ratios (lowest, highest) |\n|---|---|---|---|"
    )
    for batch, times in result.items():
        for name in names:
            ratios = [a / b for a, b in zip(times[name], times["ours"], strict=True)]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
            print(f"| {batch} | {name} | {1 / statistics.median(times[name]):.0f} | {spread} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(result))
    if arguments.profile:
        arguments.profile.write_text(profile(1024))


if __name__ == "__main__":
    main()
