"""A task of somebody's own package: every process that steps it finds it, and the run's bits are the same."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sac.ledger.file import read_ledger
from sac.processes import sac_command
from tests.determinism.dying import KILLED
from tests.determinism.runs import assert_equal, run_fresh
from tests.integration.shell import ROOT, blocks
from tests.nightly import at_night

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
    train(TrainConfig(env_id="MyPush-v1", num_envs=2, total_timesteps=64, training_freq=16, learning_starts=32,
                      batch_size=32, buffer_size=1000, eval_freq=0, threads=1, run_dir=sys.argv[1], workers=1))
"""
)
EXAMPLE = ROOT / "examples" / "own_task"
TRAIN, RESUME, EVALUATE = (
    shlex.split(line)[1:]
    for line in blocks(ROOT / "examples" / "README.md", "console", "Train your own task")[0].splitlines()[1:]
)
"""The commands that examples/README.md prints."""
FLAGS = [word for word in TRAIN[1:] if not word.startswith(("--env_id", "--run_dir", "--workers"))]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the example's package, and a script of somebody's own; runs begin in it."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(EXAMPLE / "reach_task", root / "reach_task", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "script.py").write_text(SCRIPT)
    return root


@pytest.fixture(scope="module")
def serial(project):
    """The example's run in one process, never killed; its module is named by a flag of its own."""
    flags = ["--env_id=ReachTarget-v1", "--import=reach_task.envs", *FLAGS, "--workers=serial"]
    done = run_fresh(project / "serial", flags, cwd=project)
    assert done.returncode == 0, done.stderr
    return project / "serial"


def test_the_example_trained_with_workers_equals_a_run_in_one_process(project, serial):
    folder = project / "workers"
    sac(project, *[f"--run_dir={folder}" if word.startswith("--run_dir") else word for word in TRAIN])
    config = json.loads((folder / "manifest.json").read_text())["config"]
    assert config["env_id"] == "reach_task.envs:ReachTarget-v1" and config["workers"] == 2
    assert_equal(read_ledger(folder), read_ledger(serial))


@at_night("three processes and their workers; tests/determinism/test_resume_workers.py resumes ManiSkill's tasks")
def test_the_example_killed_and_resumed_with_workers_equals_a_run_in_one_process(project, serial):
    killed = run_fresh(
        None, [*TRAIN[1:], "--checkpoint_freq=2"], "tests.determinism.dying", before=("20",), cwd=project
    )
    assert killed.returncode == KILLED, killed.stderr
    sac(project, *RESUME)
    assert_equal(read_ledger(project / "runs" / "reach"), read_ledger(serial))
    assert "2 episodes" in sac(project, *EVALUATE).stdout


@at_night("twins start as every run does, and those are tried")
def test_a_twin_of_it_is_equal(project):
    flags = [*FLAGS, "--env_id=reach_task.envs:ReachTarget-v1", "--workers=serial", "--total_timesteps=48"]
    assert "equal: 4 iterations compared" in sac(project, "twin", *flags).stdout


@at_night("the next test trains in the same way, up to its refusal")
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


@at_night("a worker; unit tests refuse modules that fail")
def test_a_module_that_fails_in_a_worker_is_one_line_and_leaves_no_folder(project):
    (project / "broken.py").write_text("1 / 0\n")
    done = run_fresh(project / "refused", ["--env_id=broken:MyPush-v1", *FLAGS, "--workers=1"], cwd=project)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "--env_id broken:MyPush-v1: fails when it is imported: ZeroDivisionError" in last and "broken.py:1" in last
    assert not (project / "refused").exists()


def sac(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this package in the project."""
    done = subprocess.run(sac_command(list(words)), cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done
