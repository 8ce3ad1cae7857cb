"""The Python API where torch was loaded before: in a script, in a notebook's kernel, and in the documentation."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

import sac
from sac.numerics.profiles import PROFILES
from sac.run import policy_file
from tests.unit.run.test_policy_file import make_learner

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
        f"import torch, sac\na = sac.train({SMALL}, run_dir='a')\nprint(a, a.policy().predict(torch.zeros(6)).shape)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Run('a', env_id='Point-v1') torch.Size([2])\n"
    assert "run folder: a" in done.stderr, "what the training says is shown"


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


def test_importing_the_package_loads_nothing_and_offers_everything():
    program = "import sac, sys; print(sorted({'torch', 'numpy', 'tyro', 'sac.api'} & set(sys.modules)), dir(sac))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.startswith("[] ") and [name for name in sac.__all__ if f"'{name}'" not in found] == []


def test_torchscript_is_loaded_where_this_package_is_not(tmp_path):
    policy_file.save(make_learner(), tmp_path / "policy.pt")
    policy = sac.load_policy(tmp_path)
    file = policy.to_torchscript(tmp_path / "policy.ts")
    observation = torch.linspace(-2, 2, 15).view(3, 5)
    program = (
        "import sys, torch\nmodule = torch.jit.load(sys.argv[1])\n"
        "print(module(torch.linspace(-2, 2, 15).view(3, 5)).tolist())\nassert 'sac' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert np.allclose(json.loads(done.stdout), policy.predict(observation).tolist(), rtol=1e-5, atol=1e-6)
