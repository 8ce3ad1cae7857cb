"""`python -m tools.measure.checkpoint_cost [FOLDER]`: size and time of checkpoints of a full replay buffer.

The state is that of StackCube-v1 with pd_ee_delta_pos and 32 environments, filled with arbitrary numbers.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import torch

from sac.checkpoint.checkpoint import Checkpoints, Position, split, verify
from sac.config import TrainConfig
from sac.learner.sac import initial_state
from sac.replay import ReplayBuffer, RowLayout
from sac.rollout.episodes import EPISODE_METRICS
from sac.run.metrics_file import new_metrics
from sac.state import CollectorState, EpisodeState, EpisodeSums, TrainState

ENVS, TRANSITIONS, NEW = 32, 1_000_000, 100_000
OBSERVATION, ACTION, STEPS = 48, 4, 50


def full_state() -> tuple[TrainState, ReplayBuffer]:
    """A state whose ring is full."""
    import numpy as np

    from sac.envs.protocol import EnvSpec

    bound = np.ones(ACTION, np.float32)
    spec = EnvSpec("StackCube-v1", OBSERVATION, -bound, bound, STEPS)
    replay = ReplayBuffer(RowLayout(OBSERVATION, ACTION), ENVS, TRANSITIONS, torch.device("cpu"))
    collector = CollectorState(
        torch.zeros(ENVS, OBSERVATION),
        np.zeros(ENVS, np.int64),
        EpisodeState.zeros(ENVS),
        torch.zeros(ENVS, STEPS, ACTION),
        EpisodeSums.zeros(len(EPISODE_METRICS)),
        EpisodeSums.zeros(len(EPISODE_METRICS)),
    )
    state = TrainState(initial_state(TrainConfig(), spec, torch.device("cpu")), replay.state, collector, new_metrics())
    return state, replay


def collect(state: TrainState, replay: ReplayBuffer, transitions: int) -> None:
    """Write so many transitions."""
    rows = torch.randn(transitions // ENVS, ENVS, replay.layout.width)
    replay.add(rows)
    state.collector.steps, state.iteration = replay.state.written, state.iteration + 1


def timed(what: str, action: object) -> None:
    """Run and print how long it took."""
    start = time.perf_counter()
    action()  # type: ignore[operator]
    print(f"{what:58} {time.perf_counter() - start:6.2f} s")


def main(folder: Path) -> None:
    """Print one line for each kind of work."""
    state, replay = full_state()
    checkpoints = Checkpoints(folder, TrainConfig(), {"profile": "deterministic"})
    tensors, _ = split(state)
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    print(f"state without the replay buffer {size / 1e6:.1f} MB; a transition {4 * replay.layout.width} bytes")
    collect(state, replay, TRANSITIONS)
    timed(f"save, all of {TRANSITIONS:,} transitions new", lambda: checkpoints.save(state, Position(0, 0)))
    for _ in range(3):
        collect(state, replay, NEW)
        timed(f"save, {NEW:,} transitions new", lambda: checkpoints.save(state, Position(0, 0)))
    collect(state, replay, 64)
    timed("save, 64 transitions new", lambda: checkpoints.save(state, Position(0, 0)))
    print(f"on the disk, two checkpoints: {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.1f} MB")
    timed("the run ends", lambda: checkpoints.finish(state, Position(0, 0)))
    print(f"on the disk, the run finished: {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.1f} MB")
    fresh, _ = full_state()
    timed("verify and load", lambda: verify(folder, state.iteration).fill(fresh))
    if not torch.equal(fresh.replay.rows, state.replay.rows):
        raise SystemExit("what was loaded is not what was saved")


if __name__ == "__main__":
    with ExitStack() as stack:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        if sys.argv[1:] and sys.argv[1].startswith("-"):
            sys.exit(f"checkpoint_cost: error: {sys.argv[1]!r}: give a folder, or nothing for a temporary one")
        target = sys.argv[1] if len(sys.argv) > 1 else stack.enter_context(tempfile.TemporaryDirectory())
        Path(target).mkdir(parents=True, exist_ok=True)
        main(Path(target))
