"""The channel at which a planted fault shows first: a short training without and with it, compared by their ledgers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sac.ledger.comparison import NotComparable, compare
from sac.ledger.file import LedgerError, read_ledger
from tools.mutants.mutant import NO_RUN, Mutant
from tools.mutants.tree import environment

EQUAL = "equal"
FLAGS = (
    *("--env_id=Point-v1", "--num_envs=4", "--num_eval_envs=2", "--num_eval_steps=45", "--training_freq=16"),
    *("--batch_size=16", "--buffer_size=100", "--learning_starts=64", "--utd=0.25", "--total_timesteps=320"),
    *("--eval_freq=64", "--threads=1", "--partial_reset", "--bootstrap_at_done=truncated", "--seed=3"),
    *("--no-capture_video", "--no-tensorboard", "--no-save_model", "--no-progress", "--checkpoint_freq=0"),
)
"""Twenty iterations: episodes end in both ways, the ring closes, and sixteen iterations learn."""


Way = tuple[tuple[str, ...], bool]
"""Further flags, and whether the learner takes the project's kernels."""
_WITHOUT_KERNELS = (
    "from sac.numerics import profiles; profiles.prepare('deterministic'); "
    "import sac.numerics.fixed_order as kernels; kernels.level = lambda: None; "
    "import sys; from sac.cli import main; sys.exit(main())"
)


class Reference:
    """Ledgers of a tree without a fault, one for each way to train.

    Args:
        root: of the tree.
        folder: for run folders.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder
        self._runs: dict[Way, Path | None] = {}

    def prepare(self, way: Way) -> None:
        """Train in one more way; unlike ways may be prepared at the same time."""
        flags, kernels = way
        name = "-".join(
            ["reference", *(flag.strip("-") for flag in flags), *([] if kernels else ["reference-learner"])]
        )
        self._runs[way] = _trained(self._root, self._folder / name, way)

    def first_channel(self, mutant: Mutant, kernels: bool, root: Path) -> str:
        """Return the first channel that differs in a tree with a fault; `EQUAL`, or `NO_RUN` and why."""
        way = mutant.flags, kernels
        reference = self._runs[way]
        run = _trained(root, self._folder / mutant.name.replace(" ", "-"), way)
        if reference is None or run is None:
            return NO_RUN
        try:
            first = compare(read_ledger(reference), read_ledger(run)).first
        except (LedgerError, NotComparable) as error:
            return f"{NO_RUN}: {error}"
        return first.channel if first is not None else EQUAL


def _trained(root: Path, folder: Path, way: Way) -> Path | None:
    flags, kernels = way
    program = ["-m", "sac"] if kernels else ["-c", _WITHOUT_KERNELS]
    command = [sys.executable, *program, "train", *FLAGS, *flags, "--run_dir", str(folder)]
    done = subprocess.run(
        command, cwd=root, env=environment(root), capture_output=True, text=True, check=False, timeout=600
    )
    return folder if done.returncode == 0 else None
