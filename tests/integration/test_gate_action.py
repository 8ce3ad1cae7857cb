"""The lines of docs/ci.md, pasted into a fresh repository, gate a script of somebody else's kind."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.integration.github import Runner, hosted_runner
from tests.integration.shell import ROOT, blocks
from tests.nightly import at_night

HEADING = "In your repository"
TRAIN = """\
import argparse
import pathlib

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
parser.add_argument("--steps", type=int)
parser.add_argument("--output", type=pathlib.Path)
options = parser.parse_args()
torch.manual_seed(options.seed)
rng = np.random.default_rng(options.seed)
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(min(options.steps, 20)):
    loss = net(torch.from_numpy(rng.normal(size=(8, 4)).astype("float32"))).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("loss", loss.item())
if options.output:
    options.output.mkdir(parents=True)
    torch.save(net.state_dict(), options.output / "net.pt")
"""
"""A training script that knows nothing of this package."""


@pytest.fixture
def repository(tmp_path):
    """A repository of somebody else's, with a script and what it needs."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "requirements.txt").write_text("torch\n")
    return folder


def committed(repository) -> Runner:
    """A runner that has checked out what lies in the repository."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(repository)]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"]):
        subprocess.run([*git, *words], check=True)
    return hosted_runner(repository.parent, repository)


def pasted(number: int) -> dict:
    """The job that a block of docs/ci.md makes; the second one replaces the `with` of the first."""
    first, *others = blocks(ROOT / "docs" / "ci.md", "yaml", HEADING)
    (job,) = yaml.safe_load(first)["jobs"].values()
    return {**job, **(yaml.safe_load(others[number - 1]) if number else {})}


def test_they_are_five_lines():
    lines = blocks(ROOT / "docs" / "ci.md", "yaml", HEADING)[0].splitlines()
    assert len(lines) == 5 and lines[0] == "jobs:"


def test_a_seeded_script_that_learns_is_green(repository):
    runner = committed(repository)
    assert runner.call(pasted(0)) == 0, runner.said
    assert "20 optimizer.step" in runner.said
    assert runner.summary.startswith("## Deterministic: every run did the same")
    assert runner.log[:2] == ["actions/checkout", "actions/setup-python"]


def test_its_unseeded_twin_is_red_with_line_and_cause(repository):
    (repository / "train.py").write_text(TRAIN.replace("default_rng(options.seed)", "default_rng()"))
    runner = committed(repository)
    assert runner.call(pasted(0)) == 1, runner.said
    assert runner.summary.startswith("## Not deterministic: the runs differ")
    for words in ("unseeded-generator", "train.py:13", "proof", "fix"):
        assert words in runner.said and words in runner.summary


@at_night("the two before it show that the action runs the gate and tells its answer")
def test_files_are_compared_and_a_setup_is_run_where_the_document_asks(repository):
    runner = committed(repository)
    assert runner.call(pasted(1)) == 0, runner.said
    assert "saved files compared: 1" in runner.said
    assert (runner.temp / "pip").read_text() == "pip install -r requirements.txt\n"
    assert (runner.checkout / "determinism-gate" / "answer.json").exists()


def test_a_step_of_a_job_of_ones_own_gates_too(repository):
    (repository / "train.py").write_text("print('nothing is drawn')\n")
    (step,) = yaml.safe_load(blocks(ROOT / "docs" / "ci.md", "yaml", HEADING)[2])
    runner = committed(repository)
    assert runner.use(step["with"]) == 2
    assert "no event was seen" in runner.summary
