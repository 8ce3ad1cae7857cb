"""Weights & Biases: a resumed training joins its run, and a client that fails costs no training and no folder."""

import json
import sys

import pytest

from sac.cli import main

# A stand-in for the package: it writes down what it is asked, and fails where WANDB_FAILS says.
WANDB = """
import json, os

def note(*words):
    with open(os.environ["WANDB_NOTES"], "a") as file:
        file.write(json.dumps(words) + "\\n")

def init(**options):
    if os.environ.get("WANDB_FAILS") == "init":
        raise RuntimeError("api_key not configured (no-tty). Run `wandb login`\\nand more lines")
    note("init", {key: options.get(key) for key in ("id", "project", "entity", "resume", "name")})
    return Run(options.get("id") or "new-id", options["project"], options["entity"] or "me")

class Run:
    def __init__(self, id, project, entity):
        self.id, self.project, self.entity = id, project, entity

    def log(self, values, step):
        if os.environ.get("WANDB_FAILS") == "log":
            raise ConnectionError("the network is down")
        note("log", sorted(values), step)

    def finish(self, exit_code):
        note("finish", exit_code)
"""
FLAGS = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
FLAGS += " --total_timesteps=16 --eval_freq=8 --threads=1 --num_eval_envs=1 --no-progress --no-tensorboard --track"


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """What the stand-in was asked, as a function."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "wandb.py").write_text(WANDB)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("WANDB_NOTES", str(tmp_path / "notes"))
    monkeypatch.delenv("WANDB_FAILS", raising=False)
    yield lambda: [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    sys.modules.pop("wandb", None)


def train(folder, *more):
    return main(["train", *FLAGS.split(), *more, f"--run_dir={folder}"])


def test_a_resumed_training_joins_its_run(tmp_path, notes):
    assert train(tmp_path / "run") == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["wandb"] == {"id": "new-id", "project": "ManiSkill", "entity": "me"}
    assert main(["train", "--resume", str(tmp_path / "run"), "--total_timesteps=32"]) == 0
    first, second = [note[1] for note in notes() if note[0] == "init"]
    assert first == {"id": None, "project": "ManiSkill", "entity": None, "resume": None, "name": "run"}
    assert second == {"id": "new-id", "project": "ManiSkill", "entity": "me", "resume": "allow", "name": "run"}
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["wandb"] == manifest["wandb"]
    assert ["finish", 0] in notes() and {note[2] for note in notes() if note[0] == "log"} == {0, 8, 16, 24, 32}


def test_a_training_that_is_tracked_from_its_resumption_on_keeps_the_id(tmp_path, notes):
    assert train(tmp_path / "run", "--no-track") == 0
    assert "wandb" not in json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert main(["train", "--resume", str(tmp_path / "run"), "--total_timesteps=32", "--track"]) == 0
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["wandb"]["id"] == "new-id"


def test_without_a_login_it_is_one_line_and_no_folder(tmp_path, notes, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_FAILS", "init")
    assert train(tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "--track" in line and "api_key not configured" in line and "`wandb login`" in line
    assert not (tmp_path / "run").exists()
    monkeypatch.delenv("WANDB_FAILS")
    assert train(tmp_path / "run") == 0


def test_without_the_package_it_is_one_line_and_no_folder(tmp_path, capsys):
    assert train(tmp_path / "run") == 2
    assert "--track: needs the package wandb" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_client_that_fails_in_the_midst_is_left_out(tmp_path, notes, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_FAILS", "log")
    assert train(tmp_path / "run") == 0
    assert capsys.readouterr().err.count("Weights & Biases is left out from here on: ConnectionError") == 1
    assert (tmp_path / "run" / "policy.pt").exists()


def test_a_training_that_fails_is_shown_as_failed(tmp_path, notes, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("planted")

    monkeypatch.setattr("sac.training.Collector.collect", fail)
    with pytest.raises(RuntimeError, match="planted"):
        train(tmp_path / "run")
    assert notes()[-1] == ["finish", 1]
