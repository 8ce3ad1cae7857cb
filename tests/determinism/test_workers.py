"""How many processes step the environments is layout: no bit of a run depends on it, and a dead one ends it cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sac.commands.twin import twin_command
from sac.ledger.file import read_ledger
from tests.determinism.dying import run
from tests.determinism.runs import PUSH_CUBE
from tests.determinism.spread_point import ENV_ID
from tests.nightly import NIGHTLY, at_night

pytestmark = pytest.mark.maniskill
LONG = ["--total_timesteps=1_000_000", "--eval_freq=0", "--workers=2"]
COMMAND = ["sac", "train", *PUSH_CUBE, *LONG]
QUICK_COMMAND = ["tests.determinism.spread_point", "train", *PUSH_CUBE, f"--env_id={ENV_ID}", *LONG]
"""Processes are what the tests below are about; each night they are ManiSkill's."""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_any_number_of_workers_trains_and_evaluates_alike(capfd):
    tried = ("serial", "1", "2") if NIGHTLY else ("serial", "2")
    assert twin_command([*PUSH_CUBE, "--num_eval_envs=3", "--vary", f"workers={','.join(tried)}"]) == 0
    shown = capfd.readouterr().out
    assert all(f"workers={tried[0]} against workers={other}" in shown for other in tried[1:])


def test_no_workers_and_two_give_the_same_bits_when_they_step_beside_the_learner():
    """The strong test of `--overlap`: in one process the two halves run one after the other, in two at once."""
    assert twin_command([*PUSH_CUBE, "--overlap", "--vary", "workers=serial,2"]) == 0


@at_night("twins of other seeds are told apart in test_twins")
def test_a_difference_between_the_runs_would_be_noticed(tmp_path):
    """Negative control: the same comparison, with another seed in the run with a worker."""
    short = [*PUSH_CUBE, "--total_timesteps=32", "--eval_freq=0"]
    assert twin_command([*short, "--vary", "workers=serial,1", "--vary", "seed=1,2", "--keep", str(tmp_path)]) == 1


@pytest.fixture
def training(tmp_path):
    """A run that goes on for hours, past its first iterations; ended with the test."""
    command = [sys.executable, "-m", *(COMMAND if NIGHTLY else QUICK_COMMAND), "--run_dir", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    ledger = tmp_path / "run" / "ledger.jsonl"
    while process.poll() is None and not (ledger.exists() and len(ledger.read_bytes().splitlines()) > 4):
        time.sleep(0.1)
    yield process, tmp_path / "run"
    process.kill()
    process.communicate()


def test_a_killed_worker_ends_the_run_with_one_message_and_what_came_before(training):
    process, folder = training
    workers = children(process.pid)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 2, errors
    assert "environments 2 to 3 failed while being stepped" in errors and "SIGKILL" in errors
    assert "Traceback" not in errors
    assert all(ended(worker) for worker in workers)
    assert len(read_ledger(folder).lines) > 3


def test_a_killed_run_takes_its_workers_along(training):
    process, _ = training
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    assert all(ended(worker) for worker in workers)


def test_an_unknown_task_is_refused_by_the_workers_as_it_is_by_serial_stepping(tmp_path):
    messages = []
    for workers in ("serial", "2"):
        flags = [*PUSH_CUBE, "--env_id=PushCubes-v1", f"--workers={workers}", "--run_dir", str(tmp_path / workers)]
        assert run(flags, output=tmp_path / "output.txt") == 2
        messages.append([line for line in (tmp_path / "output.txt").read_text().splitlines() if "error:" in line])
    assert messages[0] == messages[1] and "PushCube-v1" in messages[0][0]
