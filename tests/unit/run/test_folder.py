"""What fails before the first iteration leaves nothing that blocks another try; what is somebody else's stays."""

import os
import shutil
import sys
from dataclasses import replace

import pytest

from sac.cli import main
from sac.config import BadConfig, TrainConfig
from sac.run.folder import NewFolder, RunFolder, choose

FLAGS = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
FLAGS += " --total_timesteps=16 --eval_freq=8 --threads=1 --num_eval_envs=1 --no-progress"


def flags(folder, *more):
    return ["train", *FLAGS.split(), *more, f"--run_dir={folder}"]


def fail(*_, **__):
    raise RuntimeError("planted")


# All that a run does between making its folder and its first iteration.
@pytest.mark.parametrize(
    "target",
    [
        "sac.run.folder.put_manifest",
        "sac.trainer.RunLock",
        "sac.output.Logs",
        "sac.output.MetricsFile",
        "sac.output.HistoryFiles",
        "sac.output.LedgerWriter",
        "sac.trainer.evaluate",
        "sac.trainer.costly_evaluation",
        "sac.training._make_replay",
        "sac.trainer.fingerprint",
    ],
)
def test_a_failure_before_the_first_iteration_leaves_no_folder(tmp_path, monkeypatch, target):
    with monkeypatch.context() as planted, pytest.raises(RuntimeError, match="planted"):
        planted.setattr(target, fail)
        main(flags(tmp_path / "new" / "run"))
    assert list(tmp_path.iterdir()) == []
    assert main(flags(tmp_path / "new" / "run")) == 0


def test_a_failure_in_the_first_iteration_leaves_what_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr("sac.training.Collector.collect", fail)
    with pytest.raises(RuntimeError, match="planted"):
        main(flags(tmp_path / "run"))
    assert (tmp_path / "run" / "ledger.jsonl").exists()


def test_what_was_there_before_stays(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(RuntimeError), NewFolder(RunFolder(tmp_path / "run")):
        (tmp_path / "run" / "manifest.json").write_text("the run's")
        (tmp_path / "run" / "late.txt").write_text("somebody else's")
        (tmp_path / "run" / "checkpoints" / "states").mkdir(parents=True)
        fail()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["late.txt", "notes.txt"]


def test_a_folder_that_is_kept_stays_whatever_happens(tmp_path):
    with pytest.raises(RuntimeError), NewFolder(RunFolder(tmp_path / "run")) as made:
        (tmp_path / "run" / "manifest.json").write_text("{}")
        made.keep()
        fail()
    assert (tmp_path / "run" / "manifest.json").exists()


def test_a_folder_of_the_home_is_meant_where_a_tilde_stands(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose(TrainConfig(run_dir="~/run")).root == tmp_path / "run"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").touch()
    with pytest.raises(BadConfig, match="holds a run already"):
        choose(replace(TrainConfig(), run_dir="~/run"))


def test_a_folder_whose_name_is_no_utf8_is_trained_in(tmp_path, capsys):
    folder = tmp_path / "r\udcfcn"
    assert main(flags(folder)) == 0
    assert "TensorBoard" not in capsys.readouterr().err
    assert list(folder.glob("events.out.tfevents.*"))
    assert main(["train", "--resume", str(folder), "--total_timesteps=32"]) == 0
    assert main(["eval", "--checkpoint", str(folder), "--episodes=1"]) == 0
    assert main(["diff", str(folder), str(folder)]) == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "finished"
    assert main(flags(folder, "--no-tensorboard")) == 0
    return folder


@pytest.mark.parametrize("kind", [os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)])
@pytest.mark.parametrize("name", ["ledger.jsonl", "metrics.csv", "success_history.csv", "times.csv", "policy.pt"])
def test_a_resume_is_refused_before_it_writes_where_a_file_is_something_else(tmp_path, finished, capsys, name, kind):
    """The run would go on for hours, or has changed already, when the file's turn comes."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / name).unlink()
    kind(folder / name)
    held = contents(folder)
    assert main(["train", "--resume", str(folder), "--total_timesteps=32"]) == 2
    assert f"--resume {folder}: {name} is no file" in capsys.readouterr().err
    assert contents(folder) == held


def contents(folder):
    """What the regular files below a folder hold, but for the lock."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


class Broken:
    """A writer of TensorBoard that takes this many scalars."""

    left = 0

    def __init__(self, *_, **__):
        if self.left < 0:
            fail()

    def add_scalar(self, *_):
        Broken.left -= 1
        if Broken.left < 0:
            fail()

    def add_text(self, *_):
        pass

    def flush(self):
        pass

    def close(self):
        fail()


@pytest.mark.parametrize("left", [-1, 0, 3, 1000])
def test_a_writer_of_tensorboard_that_fails_is_told_once_and_the_run_goes_on(tmp_path, monkeypatch, capsys, left):
    monkeypatch.setattr(Broken, "left", left)
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", Broken)
    assert main(flags(tmp_path / "run", "--log_freq=8")) == 0
    assert capsys.readouterr().err.count("planted") == 1
    assert (tmp_path / "run" / "policy.pt").exists()


def test_a_missing_writer_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(flags(tmp_path / "run")) == 0
    assert "no TensorBoard events" in capsys.readouterr().err


def test_a_report_of_runs_below_such_a_folder_is_written(tmp_path):
    (tmp_path / "lab\udcfc").mkdir()
    for name in "ab":
        assert main(flags(tmp_path / "lab\udcfc" / name, "--no-tensorboard")) == 0
    page, runs = tmp_path / "x.html", [str(tmp_path / "lab\udcfc" / name) for name in "ab"]
    assert main(["report", *runs, "-o", str(page), "--markdown", str(tmp_path / "x.md")]) == 0
    assert "lab\\xfc" in page.read_text(encoding="utf-8")
