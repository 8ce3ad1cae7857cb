"""SIGTERM ends a training in bounded time, whatever its workers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sac.ledger.file import read_ledger
from tests.integration.watching import is_running, wait_for

ROOT = Path(__file__).parents[2]
FLAGS = "--env_id=SpreadPoint-v1 --num_envs=2 --workers=2 --training_freq=8 --batch_size=8 --buffer_size=400"
FLAGS += " --learning_starts=8 --total_timesteps=100_000_000 --eval_freq=0 --threads=1 --no-tensorboard"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def training(tmp_path):
    """A training in mid-run, and its workers."""
    command = [sys.executable, "-m", "tests.determinism.spread_point", "train", *FLAGS.split()]
    process = subprocess.Popen(
        [*command, f"--run_dir={tmp_path / 'run'}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    ledger = tmp_path / "run" / "ledger.jsonl"
    wait_for(lambda: process.poll() is not None or (ledger.exists() and len(ledger.read_bytes().splitlines()) > 3))
    yield process, children(process.pid)
    process.kill()
    process.communicate()


def test_a_stopped_worker_does_not_keep_a_training_from_ending(training, tmp_path):
    process, workers = training
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate(timeout=60)
    # It depends on the moment whether the iteration could be ended.
    assert process.returncode in (2, 3)
    stuck = f"(pid {workers[1]}) is stopped (SIGSTOP)" in message
    assert stuck == (process.returncode == 2) and "Traceback" not in message
    assert f"sac train --resume {tmp_path / 'run'}" in message
    wait_for(lambda: not any(is_running(pid) for pid in workers))
    assert read_ledger(tmp_path / "run").torn is None


def test_a_second_signal_ends_it_at_once_and_no_stopped_worker_is_left(training):
    process, workers = training
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    assert "stopping after this iteration" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (2, 128 + signal.SIGTERM)
    wait_for(lambda: not any(is_running(pid) for pid in workers))


def test_workers_that_run_let_it_end_with_a_checkpoint(training, tmp_path):
    process, workers = training
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 3 and "with a checkpoint" in message
    assert list((tmp_path / "run" / "checkpoints" / "states").glob("state-*.json"))
    wait_for(lambda: not any(is_running(pid) for pid in workers))
