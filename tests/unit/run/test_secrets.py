"""What looks like a secret in a command line is hidden before it is kept; the rest stays as it was."""

import json
import os
import stat
import sys

import pytest

from sac.cli import main
from sac.run.secrets import without_secrets

HIDDEN = {
    "sac train --api_key=abc": "sac train --api_key=***",
    "sac train --api-key abc": "sac train --api-key ***",
    "sac train --token abc --seed 1": "sac train --token *** --seed 1",
    "python t.py --wandb_api_key=1 x": "python t.py --wandb_api_key=*** x",
    "python t.py --db.password=1": "python t.py --db.password=***",
    "python t.py HF_TOKEN=1": "python t.py HF_TOKEN=***",
    "python t.py --password --seed 1": "python t.py --password --seed 1",
    "git clone https://me:words@host/x": "git clone https://me:***@host/x",
    "python t.py ghp_abcdefghijklmnopqrst": "python t.py ***",
    "python t.py --key=hf_abcdefghijklmnop": "python t.py --key=***",
    "wandb login 0123456789abcdef0123456789abcdef01234567": "wandb login ***",
}
KEPT = (
    "sac train --env_id=StackCube-v1 --num_envs=32 --control-mode=pd_ee_delta_pos --utd=0.5",
    "sac train --run_dir=runs/secretary --exp_name tokenizer --keep_checkpoints=2 --keyboard=us",
    "sac train --wandb_project_name=monkey --import=/home/me/tasks.py --seed=4611686018427387903",
)


@pytest.mark.parametrize("line", HIDDEN)
def test_a_secret_is_hidden(line):
    assert " ".join(without_secrets(line.split())) == HIDDEN[line]


@pytest.mark.parametrize("line", KEPT)
def test_what_is_none_is_kept(line):
    assert " ".join(without_secrets(line.split())) == line


def test_a_manifest_holds_none_and_is_the_user_s_alone(tmp_path, monkeypatch):
    flags = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
    flags += " --total_timesteps=8 --eval_freq=0 --threads=1 --no-tensorboard"
    monkeypatch.setattr(sys, "argv", ["launch.py", "--wandb_api_key=abc", "--seed=1"])
    before = os.umask(0)
    try:
        assert main(["train", *flags.split(), f"--run_dir={tmp_path / 'run'}"]) == 0
        assert main(["train", f"--resume={tmp_path / 'run'}", "--total_timesteps=16"]) == 0
    finally:
        os.umask(before)
    manifest = tmp_path / "run" / "manifest.json"
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o600
    found = json.loads(manifest.read_text())
    assert found["command"] == found["resumed"][0]["command"] == ["launch.py", "--wandb_api_key=***", "--seed=1"]
