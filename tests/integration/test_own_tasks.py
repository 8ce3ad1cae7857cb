"""A task of somebody's own package: every process that steps it finds it, and the run's bits are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sac.ledger.file import read_ledger
from sac.processes import sac_command
from tests.determinism.dying import KILLED
from tests.determinism.runs import assert_equal, run_fresh

pytestmark = pytest.mark.maniskill
REGISTERED = """
import torch
from mani_skill.envs.tasks import PushCubeEnv
from mani_skill.utils.registration import register_env

torch.set_num_threads(3)  # as careless as modules are
@register_env("MyPush-v1", max_episode_steps=20)
class MyPushEnv(PushCubeEnv):
    pass
"""
SCRIPT = (
    "import sys\nfrom sac import numerics\nnumerics.prepare('deterministic')\n"
    + REGISTERED
    + """
if __name__ == "__main__":
    from sac.config import TrainConfig
    from sac.trainer import train
    train(TrainConfig(env_id="MyPush-v1", num_envs=2, total_timesteps=128, training_freq=32, learning_starts=64,
                      batch_size=32, buffer_size=1000, eval_freq=0, threads=1, run_dir=sys.argv[1], workers=2))
"""
)
FLAGS = ["--num_envs=4", "--training_freq=16", "--num_eval_envs=1", "--batch_size=16", "--buffer_size=400"]
FLAGS += ["--learning_starts=32", "--total_timesteps=96", "--eval_freq=0", "--threads=1", "--no-capture_video"]
FLAGS += ["--no-tensorboard", "--checkpoint_freq=2"]
BY_MODULE, BY_FLAG = ["--env_id=my_package.tasks:MyPush-v1"], ["--env_id=MyPush-v1", "--import=my_package.tasks"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a package and a script of somebody's own; runs begin in it."""
    root = tmp_path_factory.mktemp("project")
    (root / "my_package").mkdir()
    (root / "my_package" / "__init__.py").touch()
    (root / "my_package" / "tasks.py").write_text(REGISTERED)
    (root / "script.py").write_text(SCRIPT)
    return root


@pytest.fixture(scope="module")
def serial(project):
    """The run in one process, never killed."""
    done = run_fresh(project / "serial", [*BY_FLAG, *FLAGS, "--workers=serial"], cwd=project)
    assert done.returncode == 0, done.stderr
    return project / "serial"


def test_a_run_with_workers_killed_and_resumed_equals_one_in_a_single_process(project, serial):
    folder = project / "killed"
    killed = run_fresh(
        folder, [*BY_MODULE, *FLAGS, "--workers=2"], "tests.determinism.dying", before=("20",), cwd=project
    )
    assert killed.returncode == KILLED, killed.stderr
    assert json.loads((folder / "manifest.json").read_text())["config"]["env_id"] == "my_package.tasks:MyPush-v1"
    resumed = run_fresh(None, ["--resume", str(folder), "--workers=2"], cwd=project)
    assert resumed.returncode == 0, resumed.stderr
    assert_equal(read_ledger(folder), read_ledger(serial))


def test_its_policy_is_evaluated_without_naming_the_module_again(project, serial):
    found = sac(project, "eval", "--checkpoint", str(serial), "--episodes=1", "--json")
    assert json.loads(found.stdout)["episodes"] == 1


def test_a_twin_of_it_is_equal(project):
    found = sac(project, "twin", *BY_MODULE, *FLAGS, "--vary=workers=1,2")
    assert "equal" in found.stdout


def test_a_script_that_registers_and_trains_needs_no_flag(project):
    done = subprocess.run(
        [sys.executable, "script.py", "by_script"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    config = json.loads((project / "by_script" / "manifest.json").read_text())["config"]
    assert config["imports"] == [str(project / "script.py")]
    assert json.loads(sac(project, "eval", "--checkpoint=by_script", "--episodes=1", "--json").stdout)["episodes"] == 1


def test_a_script_that_trains_whenever_it_is_imported_is_told_so(project):
    (project / "unguarded.py").write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run(
        [sys.executable, "unguarded.py", "unguarded"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode and "put the training under `if __name__ ==" in done.stderr.strip().splitlines()[-1]
    assert not (project / "unguarded").exists()


def test_a_module_that_fails_in_a_worker_is_one_line_and_leaves_no_folder(project):
    (project / "broken.py").write_text("1 / 0\n")
    done = run_fresh(project / "refused", ["--env_id=broken:MyPush-v1", *FLAGS, "--workers=2"], cwd=project)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "--env_id broken:MyPush-v1: fails when it is imported: ZeroDivisionError" in last and "broken.py:1" in last
    assert not (project / "refused").exists()


def sac(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this package in the project."""
    done = subprocess.run(sac_command(list(words)), cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done
