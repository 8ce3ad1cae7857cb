"""A copy of this repository with one line of nondeterminism planted fails its gate, and the summary says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEEDED = "draws = np.stack([stream.uniform(self.state.steps, shape) for stream in self._warm_up])"
UNSEEDED = "draws = np.random.default_rng().random((len(self._warm_up), *shape), dtype=np.float32)"
"""ManiSkill issue 1250: the warm-up samples an action space that nobody has seeded."""

PART_OF_THE_GATE = ["tests/determinism/test_free_of_side_effects.py", "-k", "does_not_notice and (named or saved)"]
"""Seconds, not minutes: two twins of the point task, one of which was also asked for something else."""


def clone(folder: Path) -> Path:
    """The working tree, without what is built or kept from runs."""
    for name in ("sac", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


SIDE_BY_SIDE = ["-p", "xdist", "--numprocesses=2"]
"""As `./dev determinism` runs it: the failures come from other processes than the one that writes the summary."""


def run_gate(repository: Path, summary: Path, *plugins: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository), "GITHUB_STEP_SUMMARY": str(summary)}
    always = ["-p", "timeout", "-p", "hypothesispytest", "-p", "no:cacheprovider"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *always,
        *plugins,
        "-q",
        f"--basetemp={repository}/test-runs",
        *PART_OF_THE_GATE,
    ]
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # This test may run in a worker of pytest-xdist itself, whose marks are inherited.
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The gate of a clone whose warm-up is unseeded: what it printed, its summary, and its folder."""
    repository = clone(tmp_path_factory.mktemp("clone") / "repository")
    collector = repository / "sac" / "rollout" / "collector.py"
    source = collector.read_text()
    assert source.count(SEEDED) == 1, "sac/rollout/collector.py draws its warm-up elsewhere now: plant the fault there"
    collector.write_text(source.replace(SEEDED, UNSEEDED))
    done = run_gate(repository, repository / "summary.md", *SIDE_BY_SIDE)
    return done, (repository / "summary.md").read_text(), repository


def test_the_gate_of_a_clone_with_an_unseeded_warm_up_fails(planted):
    done, _, _ = planted
    assert done.returncode == 1, done.stdout + done.stderr


def test_the_first_three_lines_of_its_summary_name_channel_iteration_and_cause(planted):
    done, summary, _ = planted
    first_three = "\n".join(summary.splitlines()[:3])
    for words in ("gate failed", "channel rollout.action", "iteration 1 ", "unseeded space", "Likely cause"):
        assert words in first_three, summary + done.stdout


def test_the_terminal_says_it_too_and_a_page_is_left_beside_the_run_folders(planted):
    done, _, repository = planted
    assert "why the gate failed" in done.stdout
    page = (repository / "test-runs" / "report.html").read_text()
    assert "rollout.action" in page
    assert "parts first at 1" in page


def test_the_same_part_of_an_unchanged_clone_holds(tmp_path):
    """Negative control: it is the planted line that fails, not the copy."""
    repository = clone(tmp_path / "repository")
    done = run_gate(repository, tmp_path / "summary.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "summary.md").read_text() == "## The determinism gate holds: 2 tests passed\n\n"
