"""`sac why` and `sac gate` end whatever the script does, and leave no process of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sac.processes import sac_command
from sac.why import guard, launch
from sac.why.command import trace_command, why_command
from sac.why.gate import gate_command
from tests.integration.watching import is_running, wait_for

NOTE = """\
import os, random, signal, subprocess, sys, time
random.seed(1)
random.random()
def note():
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
note()
"""
ENDLESS = {
    "sleeps": "time.sleep(1000)",
    "is busy": "while True: pass",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "ignores what asks it to end": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1000)",
}
LEFT = {
    "a fork": "if os.fork() == 0:\n    note()\n    time.sleep(1000)",
    "a session of its own": "if os.fork() == 0:\n    os.setsid()\n    note()\n    time.sleep(1000)",
    "a daemon": (
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        note()\n        time.sleep(1000)\n"
        "    os._exit(0)"
    ),
    "one that ignores signals": (
        "if os.fork() == 0:\n    os.setsid()\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    note()\n"
        "    time.sleep(1000)"
    ),
    "a program": "subprocess.Popen(['sh', '-c', 'echo $$ >> pids; sleep 1000; true'], start_new_session=True)",
}
AFTER = "\ntime.sleep(0.5)\n"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Writes a script that notes its process, and returns the command that runs it, in its own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "GRACE", 0.5)
    monkeypatch.setattr(launch, "SETTLE", 0.5)

    def write(text):
        (tmp_path / "train.py").write_text(NOTE + text + "\n")
        return ["--", sys.executable, "train.py"]

    return write


@pytest.fixture
def pids(tmp_path):
    """Returns the processes that were noted."""
    return lambda: [int(word) for word in (tmp_path / "pids").read_text().split()]


@pytest.mark.parametrize("how", ENDLESS)
def test_a_script_that_never_ends_is_ended_at_the_limit_of_time(script, pids, capsys, how):
    status = why_command(["--runs", "2", "--minutes", "0.02", *script(ENDLESS[how])])
    assert status == 0
    assert "was stopped at the limit of time" in capsys.readouterr().out
    assert len(pids()) == 2 and not any(map(is_running, pids()))


def test_one_run_that_never_ends_where_the_other_has_ended_is_ended_too(script, pids, capsys, monkeypatch):
    monkeypatch.setattr(launch, "STRAGGLING_AT_LEAST", 0.5)
    monkeypatch.setattr(launch, "STRAGGLING", 1.0)
    status = why_command(["--proofs", "0", *script("if os.environ['SAC_WHY_RUN'] == '2': time.sleep(1000)")])
    assert status == 2
    assert "run 2 went on long after the other one had ended" in capsys.readouterr().out
    assert not any(map(is_running, pids()))


@pytest.mark.parametrize("ask", [why_command, gate_command, trace_command], ids=["why", "gate", "trace"])
def test_endless_output_is_cut(script, pids, capsys, monkeypatch, tmp_path, ask):
    monkeypatch.setattr(guard, "OUTPUT", 1 << 20)
    own = {why_command: ["--keep", "kept"], gate_command: ["--keep", "kept"], trace_command: ["-o", "kept.trace"]}
    assert ask([*own[ask], *script("while True: print('x' * 1000)")]) == 2
    said = capsys.readouterr()
    assert "and was stopped" in said.out + said.err
    # What is printed between two looks at it is all that it can go beyond.
    assert all(file.stat().st_size < 1 << 28 for file in tmp_path.glob("kept/run*"))
    assert not any(map(is_running, pids()))


def test_endless_traces_are_cut(script, pids, capsys, monkeypatch):
    monkeypatch.setattr(guard, "TRACES", 1 << 20)
    assert why_command(script("while True: random.seed(1)")) == 2
    assert "--until ends runs earlier" in capsys.readouterr().out
    assert not any(map(is_running, pids()))


@pytest.mark.parametrize("left", LEFT)
def test_nothing_that_a_script_leaves_behind_lives_on(script, pids, left):
    why_command(["--runs", "2", "--proofs", "0", *script(LEFT[left] + AFTER)])
    assert len(pids()) == 4 and not any(map(is_running, pids()))


def test_a_killed_question_leaves_no_process(script, pids, tmp_path):
    command = sac_command(["why", "--runs", "2", *script(LEFT["a daemon"] + "\ntime.sleep(1000)")])
    asked = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "pids").exists() and len(pids()) == 4)
    os.kill(asked.pid, signal.SIGKILL)
    asked.wait()
    wait_for(lambda: not any(map(is_running, pids())), 20)


def test_without_a_guard_the_daemon_would_live_on(script, pids, tmp_path):
    """Negative control: the processes of these scripts do outlive their parents by themselves."""
    subprocess.run(script(LEFT["a daemon"] + AFTER)[1:], check=True)
    assert is_running(pids()[1])
    os.kill(pids()[1], signal.SIGKILL)


def test_the_status_of_the_command_is_that_of_the_run(script, capsys):
    assert why_command(script("sys.exit(7)")) == 2
    assert "ended with status 7" in capsys.readouterr().out
    assert why_command(script("os.kill(os.getpid(), signal.SIGSEGV)")) == 2
    assert "was killed by SIGSEGV" in capsys.readouterr().out
