"""What the workflows run does run, where it needs neither the runner nor minutes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.report.test_benches import comparison
from tests.unit.test_workflows import steps

ROOT = Path(__file__).parents[2]


GITHUB = ROOT / ".github"


GATE = GITHUB / "actions" / "gate" / "gate.sh"


PERF = GITHUB / "perf.sh"


WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


NEEDS_THE_RUNNER = (
    "sudo apt-get",
    "python -m pip install",
    "python -m uv pip install",
    "./dev",
    'bash "$GITHUB_ACTION',
    "bash .github/perf.sh",
)


"""Commands that change the machine or take minutes; tests/unit/test_workflows.py checks each by name."""


POINT = "--env_id=Point-v1 --num_envs=4 --num_eval_envs=2 --training_freq=16 --batch_size=16 --buffer_size=400"


POINT += " --learning_starts=64 --total_timesteps=128 --eval_freq=64 --threads=1 --no-capture_video --no-tensorboard"


@pytest.fixture
def runner(tmp_path):
    """Runs a script as a runner would: `sac` on the path and at `.nox/install/bin`, and a file for the summary."""
    binary = tmp_path / ".nox" / "install" / "bin" / "sac"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sac "$@"\n')
    binary.chmod(0o755)
    summary = tmp_path / "summary.md"
    summary.touch()

    def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = {"PATH": f"{binary.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        everything = {**os.environ, **paths, "GITHUB_STEP_SUMMARY": str(summary), **environment}
        everything.pop("SAC_RESTARTED", None)
        command = ["bash", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=tmp_path, env=everything, capture_output=True, text=True, check=False)

    run.summary = summary
    return run


def test_the_steps_that_can_run_here_do(runner, tmp_path):
    """Every `run:` step that neither changes the machine nor takes minutes; twins train the point task instead."""
    small = runner(f"sac twin --keep twin {POINT}")
    assert small.returncode == 0, small.stderr
    scripts = {s["run"] for path in WORKFLOWS for s in steps(path) if "run" in s}
    local = [s for s in scripts if not any(words in s for words in (*NEEDS_THE_RUNNER, "sac twin", "sac doctor"))]
    assert local
    for script in local:
        done = runner(script)
        assert done.returncode == 0, script + done.stdout + done.stderr
    assert runner.summary.read_text().startswith("## Equal, bit for bit: run-0 and run-1")
    assert (tmp_path / "twin" / "report.html").exists()


SCRIPT = "import random, sys\nrandom.seed(1)\nopen(sys.argv[1], 'w').write(str(random.random()))\n"
"""A script that knows nothing of this package; test_gate_action.py has one that learns."""


def gate(runner, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the action's last step does, in a folder that holds `train.py`."""
    return runner(f"bash {shlex.quote(str(GATE))}", GATE_COMMAND=command, **environment)


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)


def test_what_only_a_shell_understands_is_run_by_one(runner, script):
    done = gate(runner, f"mkdir -p {{run}} && {sys.executable} train.py {{run}}/x.txt", GATE_COMPARE="{run}/*.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "saved files compared: 1" in done.stdout


@pytest.mark.parametrize(
    "command, environment, words",
    [
        (f"{sys.executable} -c pass", {}, "code that is typed in has no lines to be named"),
        ("no-such-program", {}, "there is no program 'no-such-program'"),
        (f"{sys.executable} train.py x.txt", {"GATE_SETUP": "exit 3"}, "the setup step failed with status 3"),
    ],
)
def test_the_gate_says_why_it_could_not_compare(runner, script, command, environment, words):
    done = gate(runner, command, **environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert words in runner.summary.read_text()


BENCH = """#!/bin/sh
# Stands in for `sac bench compare`, which takes minutes: writes what a comparison writes, ends with a status of choice.
[ "$1" = bench ] || exec "{python}" -m sac "$@"
shift 2
echo "$@" > asked
while [ $# -gt 0 ]; do
  case "$1" in
    --json) [ -z "$STAND_IN_SILENT" ] && cp "$STAND_IN_JSON" "$2" ;;
    --markdown) echo "### Benchmarks: as the stand-in has it" >> "$2" ;;
  esac
  shift
done
exit "$STAND_IN_STATUS"
"""


@pytest.fixture
def perf(runner, tmp_path):
    """Runs perf.sh in a repository of two commits, with a stand-in for the measuring."""
    (tmp_path / ".nox/install/bin/sac").write_text(BENCH.replace("{python}", sys.executable))
    (tmp_path / "speed.json").write_text(comparison("aaaa", "bbbb", update_256=1.0))
    git = "git -c user.name=t -c user.email=t@t"
    done = runner(f"git init -q && {git} commit -q --allow-empty -m 1 && {git} commit -q --allow-empty -m 2")
    assert done.returncode == 0, done.stderr

    def run(status: int, base: str = "HEAD~1", **environment: str) -> subprocess.CompletedProcess[str]:
        stand_in = {"STAND_IN_STATUS": str(status), "STAND_IN_JSON": str(tmp_path / "speed.json")}
        return runner(f"bash {shlex.quote(str(PERF))}", PERF_BASE=base, **stand_in, **environment)

    return run


@pytest.mark.parametrize("measured, ends", [(0, 0), (1, 1), (2, 2), (4, 0)])
def test_the_performance_job_ends_as_the_comparison_did_and_leaves_its_files(perf, runner, tmp_path, measured, ends):
    done = perf(measured)
    assert done.returncode == ends, done.stdout + done.stderr
    comment = (tmp_path / "perf" / "comment.md").read_text()
    assert comment.startswith("<!-- sac performance gate -->\n### Benchmarks")
    assert runner.summary.read_text() == comment
    assert "Benchmark report" in (tmp_path / "perf" / "report.html").read_text()
    assert ("::notice" in done.stdout) == (measured == 4), "undecided is said, not hidden"


def test_the_flags_of_the_performance_job_are_those_of_sac_bench_compare(perf, tmp_path):
    from sac.bench.command import parser

    assert perf(0).returncode == 0
    options = parser().parse_args(["compare", *(tmp_path / "asked").read_text().split()])
    assert options.base == "HEAD~1"


def test_the_first_push_of_a_branch_is_compared_with_the_commit_before(perf, tmp_path):
    assert perf(0, base="0" * 40).returncode == 0
    assert "--base HEAD~1" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize(
    "base, status, environment, words",
    [
        ("feedface", 0, {}, "there is no revision feedface here"),
        ("--all", 0, {}, "there is no revision --all here"),
        ("HEAD~1", 2, {"STAND_IN_SILENT": "1"}, "the comparison failed with status 2"),
    ],
)
def test_the_performance_job_says_why_it_could_not_compare(perf, runner, base, status, environment, words):
    done = perf(status, base, **environment)
    assert done.returncode == 2
    assert words in done.stderr and words in runner.summary.read_text()
