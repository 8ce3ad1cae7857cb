"""One process at a time in a run folder, and no lock outlives its holder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from sac.cli import main
from sac.run.lock import RunLock, RunLocked
from tests.unit.tiny_runs import tiny_run

HOLD = "import sys; from pathlib import Path; from sac.run.lock import RunLock\n"


HOLD += "lock = RunLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read(); lock.release()"


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_refused_with_pid_and_host_of_the_first(tmp_path, holder):
    with pytest.raises(RunLocked) as caught:
        RunLock(tmp_path / "lock")
    assert str(holder.pid) in str(caught.value) and socket.gethostname() in str(caught.value)


def test_a_run_that_is_under_way_is_not_resumed_and_nothing_in_it_changes(tmp_path, capsys, holder):
    tiny_run(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["train", "--resume", str(tmp_path), "--threads=0"]) == 2
    assert f"in use by process {holder.pid}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_recognised_as_stale(tmp_path, holder, number):
    os.kill(holder.pid, number)
    holder.wait()
    assert json.loads((tmp_path / "lock").read_text())["pid"] == holder.pid
    with RunLock(tmp_path / "lock") as lock:
        assert str(holder.pid) in str(lock.took_over)
        assert json.loads((tmp_path / "lock").read_text()) == {"pid": os.getpid(), "host": socket.gethostname()}


def test_a_lock_given_back_leaves_nothing_to_take_over(tmp_path, holder):
    holder.stdin.close()
    holder.wait()
    with RunLock(tmp_path / "lock") as lock:
        assert lock.took_over is None


def test_without_the_kernels_lock_both_would_go_on(tmp_path, holder, monkeypatch):
    """Negative control: the file's text alone refuses nobody on this host."""
    monkeypatch.setattr("sac.run.lock.fcntl.flock", lambda *arguments: None)
    RunLock(tmp_path / "lock").release()
