"""How many processes step the environments is layout: no bit of a run depends on it, and a dead one ends it cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sac.ledger import read_ledger
from sac.twin import twin_command
from tests.determinism.resuming import NIGHTLY
from tests.determinism.runs import PUSH_CUBE, run_fresh

pytestmark = pytest.mark.maniskill
LONG = [*PUSH_CUBE, "--total_timesteps=1_000_000", "--eval_freq=0", "--workers=2"]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_any_number_of_workers_trains_and_evaluates_alike(capfd):
    """Two against none is in test_twins.py as well, under disturbance, so that each night is enough for it here."""
    tried = ("serial", "1", "2") if NIGHTLY else ("1", "2")
    assert twin_command([*PUSH_CUBE, "--num_eval_envs=3", "--vary", f"workers={','.join(tried)}"]) == 0
    shown = capfd.readouterr().out
    assert all(f"workers={tried[0]} against workers={other}" in shown for other in tried[1:])


def test_a_difference_between_the_runs_would_be_noticed():
    """Negative control: the same comparison, with another seed in the run with a worker."""
    short = [*PUSH_CUBE, "--total_timesteps=32", "--eval_freq=0"]
    assert twin_command([*short, "--vary", "workers=serial,1", "--vary", "seed=1,2"]) == 1


@pytest.fixture
def training(tmp_path):
    """A run that goes on for hours, past its first iterations; ended with the test."""
    command = [sys.executable, "-m", "sac", "train", *LONG, "--run_dir", str(tmp_path / "run")]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    ledger = tmp_path / "run" / "ledger.jsonl"
    while run.poll() is None and not (ledger.exists() and len(ledger.read_bytes().splitlines()) > 4):
        time.sleep(0.1)
    yield run, tmp_path / "run"
    run.kill()
    run.communicate()


def test_a_killed_worker_ends_the_run_with_one_message_and_what_came_before(training):
    run, folder = training
    workers = children(run.pid)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    _, errors = run.communicate(timeout=10)
    assert run.returncode == 2, errors
    assert "environments 2 to 3 failed while being stepped" in errors and "SIGKILL" in errors
    assert "Traceback" not in errors
    assert all(ended(worker) for worker in workers)
    assert len(read_ledger(folder).lines) > 3


def test_a_killed_run_takes_its_workers_along(training):
    run, _ = training
    workers = children(run.pid)
    assert len(workers) == 2
    run.kill()
    run.wait()
    assert all(ended(worker) for worker in workers)


def test_an_unknown_task_is_refused_by_the_workers_as_it_is_by_serial_stepping(tmp_path):
    messages = []
    for workers in ("serial", "2"):
        done = run_fresh(tmp_path / workers, [*PUSH_CUBE, "--env_id=PushCubes-v1", f"--workers={workers}"])
        assert done.returncode == 2
        messages.append([line for line in done.stderr.splitlines() if "error:" in line])
    assert messages[0] == messages[1] and "PushCube-v1" in messages[0][0]
