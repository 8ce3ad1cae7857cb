"""A golden of one's own task and flags is kept with its flags, and checked by them."""

from __future__ import annotations

import json

from sac.cli import main

FLAGS = "--env_id=Point-v1 --num_envs=4 --training_freq=32 --batch_size=64 --buffer_size=2_000 --learning_starts=128"
FLAGS += " --total_timesteps=192 --eval_freq=0 --threads=1 --no-tensorboard --no-progress"


def golden(folder, *words):
    return main(["golden", "mine", "--dir", str(folder), *words])


def test_a_golden_of_ones_own_holds_until_a_bit_changes(tmp_path, capsys):
    assert golden(tmp_path) == 2
    assert "golden 'mine': not known" in capsys.readouterr().err
    assert golden(tmp_path, "--update", "--reason=first", f"--flags={FLAGS}") == 0
    file = tmp_path / "mine.jsonl"
    assert json.loads(file.read_text().splitlines()[0])["golden"]["flags"] == FLAGS
    assert golden(tmp_path) == 0
    lines = file.read_text().splitlines()
    last = json.loads(lines[-1])
    last["digests"]["param.actor"] = "0" * 16
    file.write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    assert golden(tmp_path) == 1


def test_the_flags_of_this_packages_goldens_are_theirs(tmp_path, capsys):
    assert main(["golden", "point", "--dir", str(tmp_path), "--update", "--reason=x", f"--flags={FLAGS}"]) == 2
    assert "--flags: point is a golden of this package" in capsys.readouterr().err
