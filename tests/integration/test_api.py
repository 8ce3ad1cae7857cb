"""The Python API where torch was loaded before: in a script, in a notebook's kernel, and in the documentation."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

from sac.numerics.profiles import PROFILES

ROOT = Path(__file__).parents[2]
SMALL = "env_id='Point-v1', num_envs=4, total_timesteps=128, learning_starts=64, batch_size=32, buffer_size=1000"
SMALL += ", eval_freq=0"


def run_script(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process whose environment no profile has prepared."""
    clean = {name: value for name, value in os.environ.items() if name not in PROFILES["portable"].environment}
    clean["PYTHONPATH"] = str(ROOT)
    (folder / "script.py").write_text(script)
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )


def test_a_script_that_has_loaded_torch_trains_in_another_process(tmp_path):
    done = run_script(
        tmp_path,
        f"import torch, sac\na, b = (sac.train({SMALL}, run_dir=name) for name in 'ab')\n"
        "print(sac.compare(a, b).text)\nprint(a.policy().predict(torch.zeros(6)).shape)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["equal: 3 iterations compared", "torch.Size([2])"]
    assert done.stderr.count("run folder:") == 2


def test_the_trainer_itself_names_what_to_call(tmp_path):
    done = run_script(
        tmp_path,
        "import torch\nfrom sac.config import TrainConfig\nfrom sac.trainer import train\n"
        f"train(TrainConfig({SMALL}, run_dir='a'))\n",
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "sac.numerics.prepare('deterministic')" in last and "sac.train(...)" in last
    assert not (tmp_path / "a").exists()


def test_a_training_that_fails_tells_the_reason_and_its_status(tmp_path):
    done = run_script(
        tmp_path,
        "import torch, sac\ntry:\n"
        f"    sac.train({SMALL}, run_dir='a', device='cuda')\n"
        "except sac.TrainingFailed as failed:\n    print(failed.status, failed)\n",
    )
    assert done.stdout.startswith("2 --device cuda: torch finds no CUDA device"), done.stdout + done.stderr


def test_the_examples_of_the_documentation_hold(tmp_path):
    program = (
        "import doctest, sys\n"
        f"found = doctest.testfile({str(ROOT / 'docs' / 'api.md')!r}, module_relative=False, "
        f"optionflags={doctest.ELLIPSIS})\nprint(found)\nsys.exit(bool(found.failed) or not found.attempted)"
    )
    done = run_script(tmp_path, program)
    assert done.returncode == 0, done.stdout + done.stderr
