"""A run whose folder, or a part of it, is lost while it runs never ends as one that succeeded."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from sac.cli import main
from sac.envs.point import PointVectorEnv
from sac.run import storage
from sac.trainer import Trainer
from tests.determinism.dying import CALLS
from tests.determinism.resuming import FLAGS, assert_equal_runs
from tests.nightly import NIGHTLY

TRAINING = [*(flag for flag in FLAGS if flag != "--no-tensorboard"), "--checkpoint_freq=2"]
STEPS = 48
"""Of the environments in training: 12 iterations of 4."""


def delete(run):
    shutil.rmtree(run)


def move(run):
    run.rename(run.with_name("moved"))


def replace_by_nothing(run):
    move(run)
    run.mkdir()


def replace_by_a_copy(run):
    move(run)
    shutil.copytree(run.with_name("moved"), run)


def delete_below(name):
    def lose(run):
        path = next(run.glob(name))
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return lose


def replace_below(name):
    def lose(run):
        path = run / name
        path.rename(path.with_name("old"))
        copy = shutil.copytree if path.with_name("old").is_dir() else shutil.copyfile
        copy(path.with_name("old"), path)

    return lose


# What is done to a run folder -> words of the message.
FATES = {
    "deleted": (delete, ["{run}: was deleted during the run", "Start the run again"]),
    "moved": (move, ["{run}: was moved to {moved} during the run", "sac train --resume {moved}"]),
    "replaced by an empty one": (replace_by_nothing, ["{run}: was moved to {moved}", "sac train --resume {moved}"]),
    "replaced by a copy": (replace_by_a_copy, ["{run}: was moved to {moved}", "sac train --resume {moved}"]),
    "ledger deleted": (delete_below("ledger.jsonl"), ["{run}/ledger.jsonl: was deleted"]),
    "ledger replaced": (replace_below("ledger.jsonl"), ["{run}/ledger.jsonl: was replaced"]),
    "metrics deleted": (delete_below("metrics.csv"), ["{run}/metrics.csv: was deleted"]),
    "metrics replaced": (replace_below("metrics.csv"), ["{run}/metrics.csv: was replaced"]),
    "manifest deleted": (delete_below("manifest.json"), ["{run}/manifest.json: was deleted"]),
    "lock deleted": (delete_below("lock"), ["{run}/lock: was deleted"]),
    "policies and checkpoints deleted": (delete_below("checkpoints"), ["{run}/checkpoints", "was deleted"]),
    "checkpoints replaced": (replace_below("checkpoints"), ["{run}/checkpoints: was replaced"]),
    "states deleted": (delete_below("checkpoints/states"), ["{run}/checkpoints/states: was deleted"]),
    "states replaced": (replace_below("checkpoints/states"), ["{run}/checkpoints/states: was replaced"]),
    "replay rows deleted": (delete_below("checkpoints/states/rows-*"), ["rows-000000000000.f32", "sac train --resume"]),
    "events deleted": (delete_below("events.*"), ["{run}/events.", "during the run", "all else of it is whole"]),
}
WHOLE_ELSEWHERE = ("moved", "replaced by an empty one", "replaced by a copy")


def train(run, capsys, *, resume=False):
    """Train there, and return status and message."""
    capsys.readouterr()
    status = main(["train", "--resume", str(run)] if resume else ["train", *TRAINING, f"--run_dir={run}"])
    return status, capsys.readouterr().err


def befall(monkeypatch, fate, run, step):
    """Let something happen to the folder at a training step of the environments."""
    original, steps = PointVectorEnv.step, []

    def stepped(self, action):
        if self.num_envs == 4:
            steps.append(1)
            if len(steps) == step:
                fate(run)
        return original(self, action)

    monkeypatch.setattr(PointVectorEnv, "step", stepped)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    assert main(["train", *TRAINING, f"--run_dir={run}"]) == 0
    return run


@pytest.mark.parametrize("name", FATES)
def test_what_is_lost_in_mid_run_is_status_2_and_named(tmp_path, monkeypatch, capsys, whole, name):
    """At a drawn step after the first checkpoint, which is behind the eighth."""
    fate, words = FATES[name]
    run, moved = tmp_path / "run", tmp_path / "moved"
    step = random.Random(name).randrange(9, STEPS + 1)
    with monkeypatch.context() as patched:
        befall(patched, fate, run, step)
        status, message = train(run, capsys)
    assert status == 2, f"at step {step}: {message}"
    assert "Traceback" not in message
    for word in words:
        assert word.format(run=run, moved=moved) in message
    if name in ("deleted", "moved"):
        assert not run.exists()
    if name == "replaced by an empty one":
        assert list(run.iterdir()) == []
    if name in WHOLE_ELSEWHERE:
        assert train(moved, capsys, resume=True)[0] == 0
        assert_equal_runs(moved, whole)


@pytest.mark.parametrize("name", ["deleted", *WHOLE_ELSEWHERE])
def test_what_is_lost_behind_the_last_iteration_is_seen(tmp_path, monkeypatch, capsys, whole, name):
    fate, words = FATES[name]
    run, moved = tmp_path / "run", tmp_path / "moved"
    finish = Trainer._finish
    monkeypatch.setattr(Trainer, "_finish", lambda self: (fate(run), finish(self)))
    status, message = train(run, capsys)
    assert status == 2 and words[0].format(run=run, moved=moved) in message, message
    if name in WHOLE_ELSEWHERE:
        assert "nothing is lost" in message
        assert_equal_runs(moved, whole)


@pytest.mark.parametrize("name", ["deleted", "moved", "replaced by a copy", "states deleted"])
def test_a_loss_in_the_midst_of_a_checkpoint_is_seen(tmp_path, monkeypatch, capsys, whole, name):
    """At drawn system calls of checkpoints and policies."""
    fate, words = FATES[name]
    for number in range(12 if NIGHTLY else 2):
        run, moved = tmp_path / f"{number}" / "run", tmp_path / f"{number}" / "moved"
        at, calls = random.Random(f"{name} {number}").randrange(60, 160), []
        with monkeypatch.context() as patched:
            for call in CALLS:
                patched.setattr(storage.os, call, counted(getattr(os, call), calls, at, fate, run))
            status, message = train(run, capsys)
        assert len(calls) >= at, "nothing was lost"
        assert (status, "Traceback" in message) == (2, False), f"call {at}: {message}"
        assert words[0].format(run=run, moved=moved) in message, f"call {at}: {message}"
        if name == "moved":
            assert train(moved, capsys, resume=True)[0] == 0
            assert_equal_runs(moved, whole)


def counted(function, calls, at, fate, run):
    def call(*arguments, **options):
        calls.append(1)
        if len(calls) == at:
            fate(run)
        return function(*arguments, **options)

    return call


def test_before_the_first_iteration_nothing_of_a_stranger_is_removed(tmp_path, monkeypatch, capsys):
    """The folder is replaced by another run's while the first evaluation runs, which fails."""
    run = tmp_path / "run"

    def fail(*_, **__):
        run.rename(tmp_path / "moved")
        (run / "checkpoints").mkdir(parents=True)
        (run / "manifest.json").write_text("a stranger's")
        raise OSError("planted")

    monkeypatch.setattr("sac.trainer.evaluate", fail)
    status, message = train(run, capsys)
    assert (status, f"{run}: was moved to {tmp_path / 'moved'}" in message) == (2, True)
    assert sorted(path.name for path in run.iterdir()) == ["checkpoints", "manifest.json"]


def test_without_the_check_a_lost_run_would_end_as_a_success(tmp_path, monkeypatch, capsys):
    """Negative control: the files that are open are written to, deleted or not."""
    monkeypatch.setattr("sac.run.held_folder.HeldFolder.require_intact", lambda self, **options: None)
    befall(monkeypatch, delete_below("ledger.jsonl"), tmp_path / "run", 20)
    assert train(tmp_path / "run", capsys)[0] == 0
    assert not (tmp_path / "run" / "ledger.jsonl").exists()
