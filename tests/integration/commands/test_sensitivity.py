"""`sac sensitivity` as people run it: each training in a process of its own, quiet where nobody watches."""

from __future__ import annotations

import subprocess

from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger
from sac.processes import sac_command

POINT = ["--env_id=Point-v1", "--num_envs=4", "--num_eval_envs=2", "--training_freq=16", "--batch_size=16"]
POINT += ["--buffer_size=400", "--learning_starts=64", "--total_timesteps=160", "--eval_freq=32", "--threads=1"]
POINT += ["--no-capture_video", "--no-tensorboard"]


def test_two_fresh_processes_part_at_the_planted_ulp(tmp_path):
    words = ["sensitivity", *POINT, "--at=7", f"--dir={tmp_path}"]
    done = subprocess.run(sac_command(words), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "diverged at iteration 7" in done.stdout
    first = compare(read_ledger(tmp_path / "as_it_is"), read_ledger(tmp_path / "one_ulp")).first
    assert first is not None and (first.iteration, first.channel) == (7, "param.actor")
