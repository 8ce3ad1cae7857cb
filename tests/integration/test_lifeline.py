"""A process ends with the one that started it, and with nothing less: parents here are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sac import lifeline
from sac.lifeline import CANNOT_START, Lifeline
from sac.processes import start_tied
from tests.integration.watching import is_running, wait_for

ROOT = Path(__file__).parents[2]
SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
DEAF = ["sh", "-c", "trap '' HUP INT QUIT TERM IO USR1; echo ready; exec sleep 600"]
# A program that starts a command, waits for its first word, prints its process id, and kills itself.
PARENT = """
import os, signal, subprocess, sys, threading
from sac.lifeline import Lifeline
from sac.processes import start_tied
tied, *command = sys.argv[1:]
held = Lifeline()
start = (lambda: start_tied(command, held, stdout=subprocess.PIPE)) if tied == "tied" else (
    lambda: subprocess.Popen(command, stdout=subprocess.PIPE))
child = start()
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def orphan(tied: str, command: list[str]) -> int:
    """The process id of a command whose parent has been killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", PARENT, tied, *command]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    return int(done.stdout)


@pytest.mark.parametrize("command", [SLEEP, DEAF], ids=["python", "deaf to signals"])
def test_a_command_ends_when_its_parent_is_killed(command):
    pid = orphan("tied", command)
    wait_for(lambda: not is_running(pid), 20)


def test_without_a_lifeline_it_would_live_on():
    """Negative control: it is the pipe that ends it."""
    pid = orphan("loose", SLEEP)
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def tied():
    """Starts commands, and ends them after the test."""
    started: list[tuple[subprocess.Popen, Lifeline]] = []

    def start(command, **options):
        held = Lifeline()
        started.append((start_tied(command, held, **options), held))
        return started[-1]

    yield start
    for process, held in started:
        held.close()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def test_a_command_outlives_the_thread_that_started_it(tied):
    """The kernel's parent death signal would kill it here."""
    found = []
    thread = threading.Thread(target=lambda: found.append(tied(SLEEP, stdout=subprocess.PIPE)))
    thread.start()
    thread.join()
    ((process, held),) = found
    assert process.stdout.readline() == b"ready\n"
    assert process.poll() is None
    held.close()
    assert process.wait(20) == -signal.SIGKILL


def test_letting_go_twice_is_letting_go_once(tied):
    process, held = tied(SLEEP, stdout=subprocess.PIPE)
    process.stdout.readline()
    held.close()
    held.close()
    assert process.wait(20) == -signal.SIGKILL


def test_words_and_status_are_those_of_the_command(tied):
    process, _ = tied([sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(5)", "a b", "'"], stdout=-1)
    assert process.communicate()[0] == b"['a b', \"'\"]\n"
    assert process.returncode == 5


def test_a_command_that_can_not_be_started_is_named(tied):
    process, _ = tied(["/no/such/program"], stderr=subprocess.PIPE)
    assert process.communicate()[1] == b"'/no/such/program': can't be started: No such file or directory\n"
    assert process.returncode == CANNOT_START


def test_a_parent_that_is_gone_already_leaves_nothing_to_start():
    reading, writing = os.pipe()
    os.close(writing)
    words = [sys.executable, lifeline.__file__, str(reading), sys.executable, "-c", "print('started')"]
    done = subprocess.run(words, pass_fds=(reading,), stdout=subprocess.PIPE, check=False)
    os.close(reading)
    assert (done.returncode, done.stdout) == (1, b"")


def test_no_pipe_is_left_open(tied):
    before = len(os.listdir("/proc/self/fd"))
    process, held = tied([sys.executable, "-c", ""])
    process.wait(20)
    held.close()
    with pytest.raises(ValueError):
        tied(["\0"])
    assert len(os.listdir("/proc/self/fd")) == before
