"""`python -m tests.determinism.kill_points [--points N] [--keep FOLDER] [FLAG …]`: kill, resume, compare, N times.

Each run is a process of its own, killed by SIGKILL at a step of its environments and resumed in a new process. The
default is StackCube-v1 with 4 environments; `FLAG …` are further flags of `sac train`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from sac.ledger import compare, read_ledger
from tests.determinism.dying import KILLED
from tests.determinism.resuming import assert_equal_runs, resumed_from
from tests.determinism.runs import run_fresh

FLAGS = [
    "--env_id=StackCube-v1",
    "--control_mode=pd_ee_delta_pos",
    "--num_envs=4",
    "--training_freq=32",
    "--batch_size=64",
    "--buffer_size=300",
    "--learning_starts=96",
    "--total_timesteps=448",
    "--eval_freq=448",
    "--num_eval_envs=1",
    "--threads=1",
    "--no-capture_video",
    "--no-tensorboard",
    "--checkpoint_freq=2",
]
"""14 iterations of 8 steps: three episodes of 50, the third cut off; the replay ring is full after 10."""
FILES = ("ledger.jsonl", "metrics.csv", "policy.pt")
# Steps of the environments: 50 of the evaluation before the first iteration, then 8 an iteration.
FIRST, LAST = 50 + 18, 50 + 14 * 8 - 1
EPISODE = 50


def points(count: int) -> list[int]:
    """Steps at which to die, spread over the run."""
    return [FIRST + (LAST - FIRST) * k // max(1, count - 1) for k in range(count)]


def main() -> int:
    """0: all ended equal; 1: one did not."""
    parser = argparse.ArgumentParser(prog="kill_points")
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--keep", help="folder that keeps the run folders")
    options, flags = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="sac-kill-") as temporary:
        root = Path(options.keep or temporary)
        whole = run_fresh(root / "whole", [*FLAGS, *flags])
        if whole.returncode != 0:
            print(whole.stderr, file=sys.stderr)
            return 1
        failed = sum(not _survives(root, step, flags) for step in points(options.points))
    print(f"{options.points - failed} of {options.points} killed runs ended equal to the uninterrupted one")
    return 1 if failed else 0


def _survives(root: Path, step: int, flags: list[str]) -> bool:
    """Kill a run at a step, resume it, and print how it compares."""
    folder = root / f"killed-at-{step}"
    killed = run_fresh(folder, [*FLAGS, *flags], "tests.determinism.dying", before=(str(step),))
    lines = len(read_ledger(folder).lines)
    resumed = run_fresh(None, ["--resume", str(folder)])
    if killed.returncode != KILLED or resumed.returncode != 0:
        print(f"step {step}: killed with {killed.returncode}, resumed with {resumed.returncode}\n{resumed.stderr}")
        return False
    comparison = compare(read_ledger(root / "whole"), read_ledger(folder))
    start = resumed_from(folder)[-1]
    print(
        f"died at step {(step - 51) % EPISODE + 1} of an episode, in iteration {lines}; resumed from {start}, "
        f"{start * 8 % EPISODE} steps into an episode: {comparison.text}"
    )
    try:
        assert_equal_runs(folder, root / "whole", FILES)
    except AssertionError as error:
        print(error)
        return False
    sys.stdout.flush()
    return comparison.equal


if __name__ == "__main__":
    sys.exit(main())
