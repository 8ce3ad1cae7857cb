"""`sac sensitivity`: one ULP is planted, seen and followed; what leaves nothing to compare is refused."""

from __future__ import annotations

import csv
import json

import pytest

from sac.cli import main
from sac.commands import sensitivity
from sac.commands.train import parse_train
from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger

POINT = ["--env_id=Point-v1", "--num_envs=4", "--num_eval_envs=2", "--training_freq=16", "--batch_size=16"]
POINT += ["--buffer_size=400", "--learning_starts=64", "--total_timesteps=160", "--eval_freq=32", "--threads=1"]
POINT += ["--no-capture_video", "--no-tensorboard", "--no-progress"]


@pytest.fixture
def here(monkeypatch):
    """Trainings in this process; `sabotage` replaces the words of the second."""

    def run(flags, folder, variant, children, hear, command):
        words = [*flags, *variant.flags]
        return main(command(words, folder) if command else ["train", *words, f"--run_dir={folder}"])

    monkeypatch.setattr(sensitivity, "run_training", run)
    return monkeypatch


@pytest.mark.parametrize("target, place", [("weight", "actor weight."), ("observation", "environment 0")])
def test_one_ulp_parts_two_runs_where_it_is_planted(here, tmp_path, capsys, target, place):
    assert main(["sensitivity", *POINT, f"--ulp={target}", "--at=6", f"--dir={tmp_path / 's'}"]) == 0
    told = json.loads((tmp_path / "s" / "one_ulp" / "manifest.json").read_text())["interference"]
    assert (told["target"], told["before_iteration"]) == (target, 6)
    assert place in told["place"] and told["before"] != told["after"]
    first = compare(*(read_ledger(tmp_path / "s" / name) for name in ("as_it_is", "one_ulp"))).first
    assert first is not None and first.iteration == 6
    found = capsys.readouterr().out
    assert "diverged at iteration 6" in found and place in found and "bits equal" in found
    with (tmp_path / "s" / "growth.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["bits_equal"] for row in rows if int(row["iteration"]) < 6] == ["True"] * 3
    assert float(rows[-1]["parameters_relative"]) > 0
    assert (tmp_path / "s" / "growth.svg").read_text().startswith("<svg")


def test_without_the_change_nothing_grows(here, tmp_path, capsys):
    """Negative control: what is measured is the change alone."""
    here.setattr("sac.similarity.one_ulp.OneUlp.__call__", lambda self, state: None)
    assert main(["sensitivity", *POINT, f"--dir={tmp_path / 's'}"]) == 0
    assert "no recorded channel differs" in capsys.readouterr().out
    with (tmp_path / "s" / "growth.csv").open() as file:
        assert {(row["bits_equal"], row["action_max"]) for row in csv.DictReader(file)} == {("True", "0.0")}


def test_a_changed_run_is_not_resumed(tmp_path, capsys):
    assert main(["sensitivity", *POINT, "--checkpoint_freq=0", f"--changed_only={tmp_path / 'run'}"]) == 0
    assert main(["train", f"--resume={tmp_path / 'run'}"]) == 2
    assert "`sac sensitivity` has changed this run" in capsys.readouterr().err


def test_the_change_comes_where_the_policy_first_acts():
    assert sensitivity._iteration(parse_train(POINT), None) == 5


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--eval_freq=0"], ["--eval_freq 0"]),
        (["--no-save_model"], ["--no-save_model"]),
        (["--ledger_freq=0"], ["--ledger_freq 0"]),
        (["--checkpoint_freq=3"], ["--checkpoint_freq 3", "resumed"]),
        (["--at=0"], ["--at 0", "between 1 and 10"]),
        (["--at=11"], ["--at 11", "between 1 and 10"]),
        (["--run_dir=x"], ["--run_dir", "--dir"]),
    ],
)
def test_what_leaves_nothing_to_compare_is_refused(capsys, flags, words):
    assert main(["sensitivity", *POINT, *flags]) == 2
    found = capsys.readouterr().err
    assert [word for word in words if word not in found] == []


def test_a_folder_with_runs_is_refused(tmp_path, capsys):
    (tmp_path / "one_ulp").mkdir()
    (tmp_path / "one_ulp" / "manifest.json").write_text("{}")
    assert main(["sensitivity", *POINT, f"--dir={tmp_path}"]) == 2
    assert "--dir" in capsys.readouterr().err


def test_a_run_that_fails_is_no_comparison(here, tmp_path, capsys):
    here.setattr(sensitivity, "run_training", lambda *arguments: 70)
    assert main(["sensitivity", *POINT, f"--dir={tmp_path}"]) == 2
    assert "as_it_is ended with status 70" in capsys.readouterr().err
