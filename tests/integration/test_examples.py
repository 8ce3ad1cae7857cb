"""Every example does what examples/README.md says, by the lines that it prints.

`own_task` is in test_own_tasks.py.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sac.ledger.file import read_ledger
from sac.run.folder import RunFolder
from tests.determinism.runs import assert_equal
from tests.integration.shell import ROOT, blocks, environment, put_command, put_sac, run_script
from tests.integration.watching import wait_for
from tests.nightly import at_night

README = ROOT / "examples" / "README.md"
POINT = "--env_id=Point-v1 --seed=1 --num_envs=4 --training_freq=16 --batch_size=16 --buffer_size=400 --eval_freq=0"
POINT += " --learning_starts=64 --total_timesteps=100_000_000 --threads=1 --no-tensorboard"


@pytest.fixture
def examples(tmp_path):
    """A copy of the examples, beside a folder with the command `sac`."""
    shutil.copytree(README.parent, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "runs"))
    put_sac(tmp_path / "bin")
    return tmp_path / "examples"


def run_block(examples: Path, heading: str, number: int = 0) -> subprocess.CompletedProcess[str]:
    return run_script(blocks(README, "console", heading)[number], examples, examples.parent / "bin")


def test_every_example_is_in_the_readme():
    found = {path.name for path in README.parent.iterdir() if path.name not in ("README.md", "__pycache__", "runs")}
    assert found == set(re.findall(r"`(\w+(?:\.ipynb)?)[/`]", README.read_text())) & found
    assert len(found) == 5


@at_night("the action of the gate is green for such a script in a test of its own")
def test_a_seeded_script_passes_the_gate(examples):
    done = run_block(examples, "Gate a training script")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 optimizer.step" in done.stdout and "saved files compared: 1" in done.stdout


@at_night("the action of the gate names them in a test of its own")
def test_without_one_seed_the_gate_names_the_line_the_cause_and_the_fix(examples):
    done = run_block(examples, "Gate a training script", 1)
    assert done.returncode == 1, done.stdout + done.stderr
    for words in ("unseeded-space", "env.action_space.sample()", "proof", "+             env.action_space.seed("):
        assert words in done.stdout


@at_night("four trainings; tests/integration/commands show each command by itself")
def test_the_bug_is_found(examples):
    done = run_block(examples, "Find a bug")
    assert done.returncode == 1, done.stdout + done.stderr
    for words in ("set-order", "imitate.py:20", "the runs are equal to the end", "sorted("):
        assert words in done.stdout


class Cluster:
    """Stands in for SLURM: starts the job of `sbatch`, signals it, and says whether it asked for another turn."""

    def __init__(self, examples: Path) -> None:
        self.folder, self.bin, self.asked = examples / "cluster", examples.parent / "bin", examples.parent / "asked"
        put_command(self.bin, "scontrol", f'echo "$@" >> {self.asked}')
        self.words = [word for line in blocks(README, "console", "Resume on a cluster") for word in line.split()]
        self.script = self.folder / self.words[self.words.index("sbatch") + 1]

    def start(self, run: str, *flags: str) -> subprocess.Popen[str]:
        """One turn. Its processes are a group of their own, as a job's are."""
        command = ["bash", str(self.script), run, *POINT.split(), *flags]
        variables = {**environment(self.bin), "SLURM_JOB_ID": "4711"}
        return subprocess.Popen(
            command, cwd=self.folder, env=variables, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def turn(self, run: str, send: Callable[[int], None]) -> tuple[int, str]:
        """One turn, in which a signal is sent once the run has gone on; returns status and what was said."""
        ledger = RunFolder(self.folder / run).ledger
        before = ledger.stat().st_size if ledger.exists() else 0
        job = self.start(run)
        wait_for(lambda: (ledger.exists() and ledger.stat().st_size > before) or job.poll() is not None)
        send(job.pid)
        said = job.communicate(timeout=120)[1]
        return job.returncode, said


@pytest.fixture
def cluster(examples):
    return Cluster(examples)


def test_what_two_turns_trained_equals_a_run_in_one_turn(cluster):
    """SLURM sends USR1 to the job's shell alone, and TERM to all processes of a job."""
    status, said = cluster.turn("run", lambda pid: os.kill(pid, signal.SIGUSR1))
    assert status == 3 and "SIGTERM: stopping after this iteration, with a checkpoint" in said
    assert cluster.asked.read_text() == "requeue 4711\n"
    status, said = cluster.turn("run", lambda pid: os.killpg(pid, signal.SIGTERM))
    assert status == 3 and "again: ended at once" not in said
    assert cluster.asked.read_text() == "requeue 4711\n", "SLURM itself puts a preempted job back"
    run = read_ledger(cluster.folder / "run")
    whole = cluster.start("whole", f"--total_timesteps={run.lines[-1].global_step}")
    whole.communicate(timeout=120)
    assert whole.returncode == 0
    assert cluster.asked.read_text() == "requeue 4711\n", "what has ended asks for no other turn"
    assert assert_equal(run, read_ledger(cluster.folder / "whole")).complete


def test_a_run_that_fails_asks_for_no_other_turn(cluster):
    done = subprocess.run(
        ["bash", str(cluster.script), "run", "--num_envs=7"],
        cwd=cluster.folder,
        env=environment(cluster.bin),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "--num_envs 7" in done.stderr and not cluster.asked.exists()


@at_night("a kernel of Jupyter, a training and a report take half a minute")
def test_the_notebook_runs_where_torch_was_loaded_first(examples, monkeypatch):
    reason = "needs nbclient, nbformat and ipykernel: pip install -e '.[dev]'"
    nbformat, nbclient = (pytest.importorskip(name, reason=reason) for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel", reason=reason)
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(examples / "notebook.ipynb", as_version=4)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert codes[0].source.startswith("import torch\n") and "total_timesteps=2_000" in codes[1].source
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(examples)}}).execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in codes]
    assert "equal: " in said[2] and said[-1] == "torch.Size([3, 2])\n"
