"""Who loads torch too early: the command `sac` starts itself anew, code that calls `main` is told what to do."""

from __future__ import annotations

import os
import subprocess
import sys

from sac.numerics.profiles import PROFILES

SCRIPT = """
import sys
{before}
import torch
print("the script's own work", flush=True)
from sac.cli import main, program
sys.argv[1:] = ["train", "--env_id=Point-v1", "--num_envs=4", "--total_timesteps=64", "--eval_freq=0",
                "--batch_size=16", "--no-tensorboard", "--no-progress", "--run_dir=run"]
sys.exit({call})
"""


def run_script(folder, call, before=""):
    """A script of somebody's own, in a process in which nobody has set anything yet."""
    (folder / "script.py").write_text(SCRIPT.format(call=call, before=before))
    clean = {name: value for name, value in os.environ.items() if name not in PROFILES["portable"].environment}
    clean["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )


def test_a_script_that_calls_main_after_torch_is_told_what_to_do_and_not_run_again(tmp_path):
    """Twice, since the first call must not make the second one believe that all was set in time."""
    done = run_script(tmp_path, "main() and main(sys.argv[1:])")
    assert done.returncode == 2 and done.stderr.count("sac: error:") == 2, done.stderr
    assert done.stdout.count("the script's own work") == 1
    for words in ("OMP_DYNAMIC", "sac.numerics.profiles.prepare('deterministic')", "--numerics fast"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()


def test_a_script_that_does_as_it_is_told_trains(tmp_path):
    done = run_script(tmp_path, "main()", before="from sac.numerics import profiles; profiles.prepare('deterministic')")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the script's own work") == 1 and (tmp_path / "run" / "policy.pt").exists()


def test_the_command_itself_is_started_anew_and_trains(tmp_path):
    """Negative control: this is what would happen to the script above."""
    done = run_script(tmp_path, "program()")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the script's own work") == 2 and (tmp_path / "run" / "policy.pt").exists()
