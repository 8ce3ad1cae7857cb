"""`sac bench` before and after the measurement: what can't be written is told at once, and a signal ends all of it."""

import os
import signal

import pytest

from sac.bench import command
from sac.bench.errors import BenchError


@pytest.mark.parametrize("which", [["compare", "--json"], ["compare", "--plot"], ["calibrate", "--json"]])
@pytest.mark.parametrize(("path", "why"), [("no/such/folder.json", "folder does not exist"), (".", "can't be written")])
def test_a_file_that_can_not_be_written_is_told_before_anything_is_measured(which, path, why, monkeypatch):
    monkeypatch.setattr(command.trees, "find_repository", lambda folder: pytest.fail("it went on"))
    with pytest.raises(BenchError, match=f"{which[1]} .*{why}"):
        command.bench_command([*which, path])


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_as_an_exception_does(kind):
    before = signal.getsignal(kind)
    cleaned = []
    with pytest.raises(SystemExit) as ended, command._ended_by_signals():
        try:
            os.kill(os.getpid(), kind)
        finally:
            cleaned.append(kind)
    assert ended.value.code == 128 + kind and cleaned == [kind]
    assert signal.getsignal(kind) is before
