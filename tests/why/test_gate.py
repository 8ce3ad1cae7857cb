"""`sac gate` on scripts that somebody else wrote: green when they are seeded, red with line and cause when not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.why.test_corpus import sac

TRAIN = """\
import argparse
import pathlib

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=None)
parser.add_argument("--output", default="")
parser.add_argument("--steps", type=int, default=30)
options = parser.parse_args()
torch.manual_seed(1)
rng = np.random.default_rng(options.seed)  # the data's
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(options.steps):
    x = torch.from_numpy(rng.normal(size=(8, 4)).astype("float32"))
    loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
if options.output:
    folder = pathlib.Path(options.output)
    folder.mkdir(parents=True)
    torch.save(net.state_dict(), folder / "net.pt")
"""
UNSEEN = """\
import os
import random
import sys

random.seed(1)
x = random.random()
open(sys.argv[1], "w").write(str(os.getpid() if "fault" in sys.argv else x))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "unseen.py").write_text(UNSEEN)
    return tmp_path


def gate(*words):
    return sac("gate", *words)


def test_a_seeded_training_passes_and_its_saved_policy_is_compared(project):
    command = (sys.executable, "train.py", "--seed=1", "--output=runs/{run}")
    done = gate("--compare", "runs/{run}/*.pt", "--require", "update", "--markdown", "summary.md", "--", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 optimizer.step" in done.stdout and "saved files compared: 1" in done.stdout
    assert Path("summary.md").read_text().startswith("## Deterministic: every run did the same\n")


def test_a_second_gate_in_the_same_folder_gives_its_runs_names_of_their_own(project):
    command = (sys.executable, "train.py", "--seed=1", "--output=runs/{run}")
    done = [gate("--compare", "runs/{run}/*.pt", "--", *command) for _ in range(2)]
    assert [one.returncode for one in done] == [0, 0], done[1].stdout + done[1].stderr
    assert "saved files compared: 1" in done[1].stdout
    assert "note: runs/run-1 is there from an earlier gate: {run} stood for gate2-run-1" in done[1].stdout
    assert sorted(path.name for path in Path("runs").iterdir()) == ["gate2-run-1", "gate2-run-2", "run-1", "run-2"]


def test_its_unseeded_twin_fails_with_line_cause_and_fix(project):
    done = gate("--markdown", "summary.md", "--", sys.executable, "train.py")
    assert done.returncode == 1, done.stdout + done.stderr
    for words in ("unseeded-generator", "train.py:13", "default_rng(", "forced"):
        assert words in done.stdout, done.stdout
    assert "train.py:13" in Path("summary.md").read_text()


def test_a_file_that_differs_fails_where_no_event_does(project):
    fault = gate("--compare", "{run}.txt", "--", sys.executable, "unseen.py", "{run}.txt", "fault")
    assert fault.returncode == 1, fault.stdout + fault.stderr
    assert "differs: {run}.txt" in fault.stdout
    for old in project.glob("run-*.txt"):
        old.unlink()
    clean = gate("--compare", "{run}.txt", "--", sys.executable, "unseen.py", "{run}.txt")
    assert clean.returncode == 0, clean.stdout + clean.stderr


@pytest.mark.parametrize(
    "options, script, words",
    [
        ((), "print('hello')", "no event was seen in both runs"),
        ((), "import random\nrandom.seed(1)", "nothing was compared that could have differed"),
        (("--require", "update"), "import random\nrandom.seed(1)\nrandom.random()", "--require update: an optimizer"),
        ((), "import random\nrandom.seed(1)\nrandom.random()\nraise SystemExit(3)", "the command failed"),
    ],
)
def test_a_command_in_which_nothing_could_differ_proves_nothing(project, options, script, words):
    (project / "other.py").write_text(script)
    done = gate(*options, "--markdown", "summary.md", "--", sys.executable, "other.py")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert Path("summary.md").read_text().startswith("## Nothing is proved\n")


@pytest.mark.parametrize(
    "options, words",
    [
        (("--trials", "1"), "expected 2 or more"),
        (("--compare", "out.pt"), "all runs would write the same files"),
        (("--require", "luck"), "invalid choice"),
    ],
)
def test_bad_options_end_with_2_and_say_what_is_valid(project, options, words):
    done = gate(*options, "--", sys.executable, "train.py", "--seed=1")
    assert done.returncode == 2
    assert words in done.stderr


def test_the_gate_needs_nothing_of_the_callers_packages(project):
    """A Python without site-packages but for the gate's own runs the gate on the caller's."""
    (project / "plain.py").write_text("import random\nrandom.seed(1)\nrandom.random()\n")
    code = """
import sys
sys.path[:0] = sys.argv.pop(1).split(':')
import sac.why.gate
from sac.why.numeric_difference import numeric_difference
one, other = ({'path': '', 'dtype': 'float', 'count': 1, 'value': value} for value in '12')
assert numeric_difference('loss', [one], [other]).ulp
print(*sorted(sys.modules))
"""
    root = str(Path(__file__).parents[2])
    site = os.pathsep.join(path for path in sys.path if "site-packages" in path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", code, f"{root}:{site}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "mani_skill", "tyro", "gymnasium"}
    assert {"numpy", "rich"} <= loaded, "the action installs these two"
