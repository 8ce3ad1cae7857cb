"""Training runs for the tests: in this process, in fresh ones, and under disturbance."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sac.config import TrainConfig
from sac.ledger.comparison import LedgerComparison, compare
from sac.ledger.file import Ledger, read_ledger
from sac.trainer import train
from tests.silent import SILENT

POINT = TrainConfig(
    env_id="Point-v1",
    num_envs=4,
    num_eval_envs=2,
    num_eval_steps=20,
    training_freq=16,
    batch_size=16,
    buffer_size=400,
    learning_starts=64,
    utd=0.25,
    total_timesteps=160,
    eval_freq=64,
    threads=1,
    **SILENT,
)
"""Six iterations that learn; a fraction of a second."""

PUSH_CUBE = [
    "--env_id=PushCube-v1",
    "--num_envs=4",
    "--num_eval_envs=1",
    "--training_freq=32",
    "--batch_size=64",
    "--buffer_size=2_000",
    "--learning_starts=96",
    "--total_timesteps=256",
    "--eval_freq=128",
    "--no-capture_video",
]
"""Real physics: five iterations that learn, and episodes that end (200 env steps hold 4 of 50)."""


def scramble(seed: int) -> None:
    """Leave every global generator somewhere else. Under `@given` this must happen inside the test."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def run_here(folder: Path, **changes: Any) -> Ledger:
    """Train the point task in this process and read its ledger."""
    return read_ledger(train(replace(POINT, run_dir=str(folder), **changes)).root)


def run_fresh(
    folder: Path | None, flags: list[str], launcher: str = "sac", *, before: tuple[str, ...] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `sac train` in a fresh process; `launcher` is the module that starts it, `before` are its own arguments."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **options.pop("environment", {})}
    environment.pop("SAC_RESTARTED", None)
    command = [sys.executable, "-m", launcher, *before, "train", *flags]
    command += ["--run_dir", str(folder)] if folder is not None else []
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, check=False, **options
    )


def ledger_of(folder: Path, flags: list[str], launcher: str = "sac", **options: Any) -> Ledger:
    """Train in a fresh process and read the ledger; a failed run shows its own words."""
    done = run_fresh(folder, flags, launcher, **options)
    assert done.returncode == 0, f"sac train {' '.join(flags)} ended with {done.returncode}:\n{done.stderr[-4000:]}"
    return read_ledger(folder)


class LedgersPart(AssertionError):
    """Two ledgers that had to be equal part; `ledgers` are their files, for the report."""

    def __init__(self, text: str, *ledgers: Path) -> None:
        super().__init__(text)
        self.ledgers = ledgers


def assert_equal(a: Ledger, b: Ledger) -> LedgerComparison:
    """Fail with the verdict where two ledgers part; nothing compared is a failure too."""
    comparison = compare(a, b)
    if not comparison.equal:
        raise LedgersPart(comparison.text, a.path, b.path)
    assert comparison.compared_iterations > 1, "nothing but the initial state was compared"
    return comparison


def assert_parts_at(a: Ledger, b: Ledger, channel: str, iteration: int | None = None) -> LedgerComparison:
    """Fail unless two ledgers part first at `channel`, and at `iteration` where given."""
    comparison = compare(a, b)
    assert comparison.first is not None, f"the ledgers are equal, but {channel} was expected to differ"
    assert comparison.first.channel == channel, comparison.text
    assert iteration is None or comparison.first.iteration == iteration, comparison.text
    return comparison
