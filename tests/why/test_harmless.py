"""The tracer changes nothing: a script prints the same bits with and without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sac.why.trace import read_trace
from tests.determinism.corpus.declared import HERE
from tests.why.test_corpus import ROOT, sac

PROGRAMS = Path(__file__).parent / "programs"
SCRIPTS = {
    "SAC": [str(PROGRAMS / "sac_single.py"), "--steps", "60"],
    "PPO": [str(PROGRAMS / "ppo_single.py")],
    "worker processes": [str(HERE / "clean_vector.py")],
    "everything seeded": [str(HERE / "clean_workers.py")],
    "what Python offers": [str(PROGRAMS / "python_features.py")],
}


def results(output: str) -> list[str]:
    return [line for line in output.splitlines() if not line.startswith("speed")]


def environment() -> dict[str, str]:
    # The hash key must be the same: a script may depend on it, and the tracer gives each run another one.
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_the_same_bits_with_and_without_the_tracer(tmp_path, name):
    command = [sys.executable, *SCRIPTS[name]]
    plain = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    why = [sys.executable, "-m", "sac", "why", "--keep", str(tmp_path), "--", *command]
    done = subprocess.run(why, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results((tmp_path / "run1.out").read_text()) == results(plain.stdout + plain.stderr)


def test_a_trace_is_readable_after_a_kill(tmp_path):
    command = [sys.executable, "-m", "sac", "why", "--keep", str(tmp_path), "--", sys.executable]
    process = subprocess.Popen(
        [*command, SCRIPTS["SAC"][0], "--steps", "100000"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    trace = tmp_path / "run1.trace"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (trace.exists() and trace.stat().st_size > 50_000):
        time.sleep(0.2)
    pid = read_trace(trace).header["pid"]
    os.kill(pid, signal.SIGKILL)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert len(read_trace(trace).flows) > 20
    assert not read_trace(trace).complete


def test_until_cuts_both_runs_off_after_as_many_events(tmp_path):
    script = [sys.executable, SCRIPTS["SAC"][0], "--steps", "100000"]
    done = sac("why", "--until", "30", "--keep", str(tmp_path), "--", *script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cut off" in done.stdout
    assert len(read_trace(tmp_path / "run1.trace").flows) in range(25, 31)
