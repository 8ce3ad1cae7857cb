"""`python -m tools.kill_points [--case NAME] [--points N] [--keep FOLDER] [FLAG …]`: kill, resume, compare.

Each run is a process of its own, killed by SIGKILL at a step of its environments and resumed in a new process. A case
is a command and the iterations in which it may die; `FLAG …` are further flags of `sac train`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sac.commands.train import parse_train
from sac.config import TrainConfig
from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger
from tests.determinism.dying import KILLED
from tests.determinism.resuming import assert_equal_runs, resumed_from
from tests.determinism.runs import run_fresh


@dataclass(frozen=True)
class Case:
    """A command, the first iteration in which it is killed, and how many kill points there are."""

    flags: tuple[str, ...]
    first: int
    points: int


SMALL: tuple[str, ...] = (
    "--env_id=StackCube-v1",
    "--control_mode=pd_ee_delta_pos",
    "--num_envs=4",
    "--training_freq=32",
)
SMALL += ("--batch_size=64", "--buffer_size=300", "--learning_starts=96", "--total_timesteps=448", "--eval_freq=448")
SMALL += ("--num_eval_envs=1", "--threads=1", "--no-capture_video", "--no-tensorboard", "--checkpoint_freq=2")
ISSUE: tuple[str, ...] = (
    "--env_id=StackCube-v1",
    "--num_envs=32",
    "--utd=0.5",
    "--buffer_size=500_000",
    "--total_timesteps=4_736",
)
ISSUE += ("--eval_freq=2_048", "--control-mode=pd_ee_delta_pos", "--checkpoint_freq=5")
CASES = {
    # 14 iterations of 8 steps: three episodes of 50, the third cut off; the replay ring is full after 10.
    "stack_cube": Case(SMALL, first=3, points=10),
    # 74 iterations of 2 steps; learning from the 63rd on, evaluations after the 32nd and the 64th.
    "issue_1250": Case(ISSUE, first=67, points=2),
}
FILES = ("ledger.jsonl", "metrics.csv", "policy.pt")


def main() -> int:
    """0: all ended equal; 1: one did not."""
    parser = argparse.ArgumentParser(prog="kill_points")
    parser.add_argument("--case", choices=CASES, default="stack_cube")
    parser.add_argument("--points", type=int)
    parser.add_argument("--keep", help="folder that keeps the run folders")
    options, more = parser.parse_known_args()
    case = CASES[options.case]
    flags, count = [*case.flags, *more], options.points or case.points
    with tempfile.TemporaryDirectory(prefix="sac-kill-") as temporary:
        root = Path(options.keep or temporary)
        whole = run_fresh(root / "whole", flags)
        if whole.returncode != 0:
            print(whole.stderr, file=sys.stderr)
            return 1
        config = parse_train(flags)
        failed = sum(not _survives(root, step, flags, config) for step in points(config, case.first, count))
    print(f"{count - failed} of {count} killed runs ended equal to the uninterrupted one")
    return 1 if failed else 0


def points(config: TrainConfig, first: int, count: int) -> list[int]:
    """Training steps of the environments at which to die, spread from iteration `first` to the run's last but one."""
    start, stop = (first - 1) * config.steps_per_env + 2, config.iterations * config.steps_per_env - 1
    return [start + (stop - start) * k // max(1, count - 1) for k in range(count)]


def evaluations_before(config: TrainConfig, iteration: int) -> int:
    """How many evaluations come before an iteration; the first is that of step 0."""
    return 1 + (iteration - 1) * config.training_freq // config.eval_freq


def _survives(root: Path, step: int, flags: list[str], config: TrainConfig) -> bool:
    """Kill a run at a training step, resume it, and print how it compares."""
    folder, iteration = root / f"killed-at-{step}", (step - 1) // config.steps_per_env + 1
    evaluations = evaluations_before(config, iteration)
    dying_at = step + evaluations * config.num_eval_steps
    killed = run_fresh(folder, flags, "tests.determinism.dying", before=(str(dying_at),))
    lines = len(read_ledger(folder).lines) if killed.returncode == KILLED else 0
    resumed = run_fresh(None, ["--resume", str(folder)])
    if killed.returncode != KILLED or resumed.returncode != 0 or lines != iteration:
        print(f"step {step}: killed with {killed.returncode}, resumed with {resumed.returncode}\n{resumed.stderr}")
        return False
    comparison = compare(read_ledger(root / "whole"), read_ledger(folder))
    start = resumed_from(folder)[-1]
    print(
        f"died at step {(step - 1) % 50 + 1} of an episode, in iteration {iteration}, after {evaluations} evaluations; "
        f"resumed from {start}, {start * config.steps_per_env % 50} steps into an episode, "
        f"after {_gradient_steps(config, start)} gradient steps: {comparison.text}"
    )
    try:
        assert_equal_runs(folder, root / "whole", FILES)
    except AssertionError as error:
        print(error)
        return False
    sys.stdout.flush()
    return comparison.equal


def _gradient_steps(config: TrainConfig, iteration: int) -> int:
    """How many gradient steps have been taken after an iteration."""
    before_learning = -(-config.learning_starts // config.training_freq) - 1
    return max(0, iteration - before_learning) * config.grad_steps_per_iteration


if __name__ == "__main__":
    sys.exit(main())
