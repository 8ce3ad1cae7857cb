"""The tracer changes nothing: a script prints the same bits with and without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sac.why.trace import read_trace
from tests.why.corpus.declared import HERE
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
    # The other run is well past that place soon: nothing more can be compared.
    assert process.wait(60) == 2
    assert len(read_trace(trace).flows) > 20
    assert not read_trace(trace).complete
    assert "run 1 was killed by SIGKILL" in json.loads((tmp_path / "answer.json").read_text())["notes"][-1]


def goes_on(pid: int) -> bool:
    """Whether a process does anything still; one that ended may wait for somebody to read its status."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_who_stops_the_command_stops_its_runs(tmp_path, how):
    script = tmp_path / "endless.py"
    script.write_text("import random, time\nrandom.seed(1)\nwhile True:\n    random.random()\n    time.sleep(0.01)\n")
    kept = tmp_path / "kept"
    # Whoever started the tests in the background had Ctrl-C ignored, and that is inherited.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from sac.cli import main; "
    command = [sys.executable, "-c", start + "sys.exit(main())", "why", "--keep", str(kept), "--"]
    process = subprocess.Popen([*command, sys.executable, str(script)], env=environment())
    traces = [kept / f"run{number}.trace" for number in (1, 2)]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not all(trace.exists() and trace.stat().st_size > 3000 for trace in traces):
        time.sleep(0.1)
    pids = [read_trace(trace).header["pid"] for trace in traces]
    process.send_signal(how)
    # A kill gives it no time to stop them itself, and to say so.
    assert process.wait(30) == (-how if how == signal.SIGKILL else 128 + how)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(goes_on, pids)):
        time.sleep(0.05)
    assert not [pid for pid in pids if goes_on(pid)]


def test_until_cuts_both_runs_off_after_as_many_events(tmp_path):
    script = [sys.executable, SCRIPTS["SAC"][0], "--steps", "100000"]
    done = sac("why", "--until", "30", "--keep", str(tmp_path), "--", *script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cut off" in done.stdout
    assert len(read_trace(tmp_path / "run1.trace").flows) in range(25, 31)
