"""Where memory runs out in a checkpoint, or while the replay rows on the disk grow, the last checkpoint is whole."""

from __future__ import annotations

import random
import shutil
import sys

import pytest

from sac.checkpoint.checkpoint import Checkpoints
from sac.checkpoint.replay_log import Journal
from sac.checkpoint.resume import find_run, open_checkpoint
from sac.cli import main
from tests.determinism.resuming import FLAGS, assert_equal_runs
from tests.nightly import NIGHTLY
from tests.unit.learner.cases import SMALL, hidden

TRAINING = [*FLAGS, "--checkpoint_freq=2"]
POINTS = 200 if NIGHTLY else 12
"""Allocations that fail, drawn from all calls that are made in each of the two."""
OF_TORCH = "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: 8 bytes"
FAILURES = (lambda: MemoryError(), lambda: RuntimeError(OF_TORCH))
PLACES = {"checkpoint": (Checkpoints, "save"), "replay rows": (Journal, "append")}


class Failing:
    """Lets the n-th call of anything fail, Python's or C's, within the k-th call of a method."""

    def __init__(self, owner: type, name: str, turn: int, at: int, failure) -> None:
        self._method, self._turn, self._at, self._failure = getattr(owner, name), turn, at, failure
        self.turns = self.calls = 0

    def method(self):
        def call(itself, *arguments):
            self.turns += 1
            if self.turns != self._turn:
                return self._method(itself, *arguments)
            sys.setprofile(self._count)
            try:
                return self._method(itself, *arguments)
            finally:
                sys.setprofile(None)

        return call

    def _count(self, frame, event, argument) -> None:
        if event in ("call", "c_call"):
            self.calls += 1
            if self.calls == self._at:
                raise self._failure()


def train(folder, failing=None, place=None):
    with pytest.MonkeyPatch.context() as patched, hidden(SMALL):
        if failing is not None:
            patched.setattr(place[0], place[1], failing.method())
        return main(["train", *TRAINING, f"--run_dir={folder}"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert train(folder) == 0
    return folder


@pytest.mark.parametrize("name", PLACES)
def test_the_last_checkpoint_is_whole_wherever_memory_runs_out(tmp_path, capsys, whole, name):
    place, draw = PLACES[name], random.Random(name)
    counted = Failing(*place, 4, 0, None)
    assert train(tmp_path / "counted", counted, place) == 0
    assert counted.calls > 20
    for at in sorted(draw.sample(range(2, counted.calls + 1), min(POINTS, counted.calls - 1))):
        folder = tmp_path / str(at)
        capsys.readouterr()
        status = train(folder, Failing(*place, 4, at, draw.choice(FAILURES)), place)
        message = capsys.readouterr().err
        assert (status, "Traceback" in message) == (2, False), f"call {at}: {message}"
        assert "memory ran out" in message and f"sac train --resume {folder}" in message
        checkpoint = open_checkpoint(find_run(folder, None, False))
        # The fourth is that of iteration 8; it may have become whole before.
        assert checkpoint is not None and checkpoint.index.iteration in (6, 8)
        with hidden(SMALL):
            assert main(["train", "--resume", str(folder)]) == 0
        assert_equal_runs(folder, whole)
        shutil.rmtree(folder)
    print(f"\n{name}: {counted.calls} calls, {min(POINTS, counted.calls - 1)} of them failed, nothing lost")


def test_memory_that_runs_out_before_the_first_iteration_leaves_no_folder(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError(OF_TORCH)

    monkeypatch.setattr("sac.trainer.make_learner", fail)
    assert train(tmp_path / "run") == 2
    assert "memory ran out ([enforce fail" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_error_that_is_none_of_memory_is_a_bug(tmp_path, monkeypatch):
    """Negative control."""

    def fail(*_, **__):
        raise RuntimeError("planted")

    monkeypatch.setattr("sac.trainer.make_learner", fail)
    with pytest.raises(RuntimeError, match="planted"):
        train(tmp_path / "run")
