"""A sweep's ledgers are those of single runs, on every engine, however many go at once, and whatever kills it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from sac.ledger.file import last_step, read_ledger
from sac.processes import sac_command
from tests.nightly import at_night

POINT = ["--env_id=Point-v1", "--num_envs=2", "--training_freq=8", "--batch_size=8", "--buffer_size=200"]
POINT += ["--learning_starts=16", "--eval_freq=0", "--threads=1", "--no-capture_video", "--no-tensorboard"]
SHORT, LONG = [*POINT, "--total_timesteps=48"], [*POINT, "--total_timesteps=800", "--checkpoint_freq=10"]


def sac(*words):
    done = subprocess.run(sac_command(list(words)), capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def digests(folder):
    return [line.digests for line in read_ledger(folder).lines]


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """Ledgers of single runs of seeds 3 and 4."""
    root = tmp_path_factory.mktemp("single")
    for seed in (3, 4):
        sac("train", *SHORT, f"--seed={seed}", f"--run_dir={root / str(seed)}")
    return [digests(root / str(seed)) for seed in (3, 4)]


def engine_flags(engine):
    if engine == "slurm":
        pytest.importorskip("submitit", reason="submitit is not installed: pip install 'sac-determinism[slurm]'")
        return ["--engine=slurm", "--slurm", "cluster=local"]
    if engine == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'sac-determinism[ray]'")
        return ["--engine=ray", "--ray", "num_cpus=2"]
    return [f"--jobs={engine}"]


@pytest.mark.parametrize("engine", ["1", "2", "slurm", "ray"])
def test_a_sweeps_ledgers_are_those_of_single_runs(tmp_path, single, engine, monkeypatch):
    # A Ray of this test alone needs no token, which it would leave in the home folder.
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    done = sac("sweep", "--seeds=3-4", *SHORT, f"--sweep_dir={tmp_path}", *engine_flags(engine))
    assert [digests(tmp_path / f"seed={seed}") for seed in (3, 4)] == single
    assert "2 of 2 runs are finished" in done.stdout
    # Ray has things to say of its own.
    assert engine == "ray" or len(done.stderr.splitlines()) == 1, f"quiet where nobody looks on: {done.stderr}"


def kill_once(root, command, reached):
    """Start a sweep and kill it as soon as `reached` holds; returns whether it had not ended before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 200
    while process.poll() is None and not reached() and time.monotonic() < end:
        time.sleep(0.02)
    alive = process.poll() is None
    os.kill(process.pid, signal.SIGKILL) if alive else None
    process.wait()
    return alive


@at_night("half a minute; that a killed run is resumed is shown run by run")
def test_a_sweep_that_is_killed_twice_loses_nothing_and_repeats_nothing(tmp_path):
    swept, whole = tmp_path / "swept", tmp_path / "whole"
    command = sac_command(["sweep", "--seeds=3-4", *LONG, "--jobs=1", f"--sweep_dir={swept}"])
    first, second = (swept / f"seed={seed}" for seed in (3, 4))
    assert kill_once(swept, command, lambda: any((first / "checkpoints/states").glob("*.json")))
    assert kill_once(swept, command, lambda: any((second / "checkpoints/states").glob("*.json")))
    finished = {path: path.stat().st_mtime_ns for path in (first / "ledger.jsonl", first / "policy.pt")}
    done = sac("sweep", "--seeds=3-4", *LONG, "--jobs=1", f"--sweep_dir={swept}")
    assert "1 finished, 1 to go on with, 0 new" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in finished} == finished, "what is finished is not touched"
    for folder, seed in ((first, 3), (second, 4)):
        resumed = json.loads((folder / "manifest.json").read_text())["resumed"]
        assert len(resumed) == 1 and resumed[0]["iteration"] > 0, "it went on from a checkpoint, once"
        sac("train", *LONG, f"--seed={seed}", f"--run_dir={whole / str(seed)}")
        assert digests(folder) == digests(whole / str(seed))
        assert last_step(folder / "ledger.jsonl") == 800


def test_no_training_outlives_a_sweep_that_is_killed(tmp_path):
    command = sac_command(["sweep", "--seeds=3", *POINT, "--total_timesteps=1000000", f"--sweep_dir={tmp_path}"])
    ledger = tmp_path / "seed=3" / "ledger.jsonl"
    assert kill_once(tmp_path, command, lambda: last_step(ledger) > 0)
    # Once its lock can be had, the training is gone; resuming waits for nothing else.
    free = f"import fcntl; fcntl.flock(open({str(tmp_path / 'seed=3' / 'lock')!r}), fcntl.LOCK_EX)"
    subprocess.run([sys.executable, "-c", free], check=True, timeout=60)
