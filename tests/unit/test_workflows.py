"""The workflows are known to work, not only to parse: what they run exists, and what can run here does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sac.cli import _COMMANDS
from sac.commands.train import parse_train
from sac.config import check
from sac.ledger.file import read_ledger
from tests.unit.report.test_benches import comparison

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
GATE = GITHUB / "actions" / "twin-gate" / "gate.sh"
PERF = GITHUB / "perf.sh"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
NEEDS_THE_RUNNER = (
    "sudo apt-get",
    "python -m pip install",
    "python -m uv pip install",
    "./dev",
    'bash "$GITHUB_ACTION',
    "bash .github/perf.sh",
)
"""Commands that change the machine or take minutes; each is checked by name below."""
MAY_WRITE = {
    ("release", "attest"): {"id-token", "attestations"},
    ("release", "publish"): {"id-token"},
}
"""Workflow, job -> what it may do besides reading; no other job may."""


def load(path: Path) -> dict:
    # YAML 1.1 reads the key `on` as true.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(path.read_text()).items()}


def steps(path: Path) -> list[dict]:
    content = load(path)
    jobs = content.get("jobs", {}).values()
    return [step for job in jobs for step in job.get("steps", [])] + content.get("runs", {}).get("steps", [])


def commands(script: str) -> list[str]:
    """The commands of a script, continued lines joined and `&&` taken apart."""
    joined = script.replace("\\\n", " ")
    return [part.strip() for line in joined.splitlines() for part in line.split("&&") if part.strip()]


RUNS = [
    (path, command) for path in (*WORKFLOWS, *ACTIONS) for s in steps(path) for command in commands(s.get("run", ""))
]
IDS = [f"{path.stem}: {command[:50]}" for path, command in RUNS]


def test_there_is_something_to_check():
    assert {"determinism", "nightly", "gpu", "perf", "release", "twin-gate"} <= {path.stem for path in WORKFLOWS}
    assert len(RUNS) > 10


@pytest.mark.parametrize("path, command", RUNS, ids=IDS)
def test_every_command_is_one_that_exists(path, command):
    words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    if words[:1] == ["bash"] and words[1].startswith(".github/"):
        assert (ROOT / words[1]).is_file()
    elif words[0] == "./dev":
        listed = set(re.findall(r"@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text()))
        listed |= set(re.findall(r'@nox\.session\(name="([\w-]+)"', (ROOT / "noxfile.py").read_text()))
        assert words[1] in listed | {"tests"}, f"{path.name} runs the session {words[1]!r}; there are {sorted(listed)}"
    elif words[0].endswith("bin/sac"):
        assert words[0] == ".nox/install/bin/sac", "`./dev install` puts the command there"
        assert words[1] in _COMMANDS
    else:
        known = ("sudo", "python", "cat", "bash", "docker", "echo")
        assert words[0] in known, f"{path.name} runs {words[0]!r}, which nothing here checks"


def test_the_whole_of_sac_why_is_tested_each_night_and_a_quick_part_for_every_pull_request():
    night = [command for path, command in RUNS if path.stem == "nightly"]
    gate = [command for path, command in RUNS if path.stem == "determinism"]
    assert "./dev why" in night
    assert "./dev unit" in gate
    assert re.search(r'def unit\(.*?"tests/why/test_quick.py"\)', (ROOT / "noxfile.py").read_text(), re.DOTALL)


def test_the_flags_of_every_twin_are_accepted():
    from sac.commands.twin import _parser

    twins = [words for _, command in RUNS if (words := shlex.split(command))[1:2] == ["twin"]]
    assert twins
    for words in twins:
        _, flags = _parser().parse_known_args(words[2:])
        check(parse_train(flags))


def test_the_packages_that_a_workflow_installs_are_those_that_dev_does():
    libraries = set(re.findall(r'"(lib[\w.-]+)"', re.search(r"LIBRARIES = .*", (ROOT / "dev").read_text())[0]))
    wanted = {name for name in libraries if ".so" not in name}
    installs = [command for _, command in RUNS if "apt-get install" in command]
    assert installs
    for command in installs:
        assert {word for word in shlex.split(command) if word.startswith("lib")} == wanted


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_asks_for_little_and_ends(path):
    content = load(path)
    assert set(content["permissions"].values()) <= {"read"} and set(content["permissions"]) == {"contents"}
    assert "pull_request_target" not in content["on"]
    assert "secrets." not in path.read_text()
    if "workflow_call" not in content["on"]:
        assert "concurrency" in content
    for name, job in content["jobs"].items():
        assert "timeout-minutes" in job, name
        more = {right for right, level in job.get("permissions", {}).items() if level != "read"}
        assert more == MAY_WRITE.get((path.stem, name), set()), name
        assert not more or set(content["on"]) == {"push"}, "code of a pull request gets no rights"


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + "/" + path.stem)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(path):
    for line in path.read_text().splitlines():
        if (used := re.search(r"uses: (\S+)(.*)", line)) and not used[1].startswith("$/"):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used[1]), line
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", used[2]), line


def test_a_release_is_published_only_after_it_was_checked_against_its_tag():
    jobs = load(GITHUB / "workflows" / "release.yml")["jobs"]
    assert load(GITHUB / "workflows" / "release.yml")["on"] == {"push": {"tags": ["v*"]}}
    assert jobs["publish"]["needs"] == "attest" and jobs["attest"]["needs"] == "build"
    assert './dev build -- --tag "$GITHUB_REF_NAME"' in [step.get("run") for step in jobs["build"]["steps"]]
    assert jobs["publish"]["environment"] == "release", "its protection rules say who must agree"


def test_an_action_of_this_repository_exists_and_gets_what_it_needs():
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses", "").startswith("$/"):
                action = load(ROOT / step["uses"].removeprefix("$/") / "action.yml")
                required = {name for name, spec in action["inputs"].items() if spec.get("required")}
                assert required <= set(step["with"]) <= set(action["inputs"])


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


def gate(runner, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return runner(f"bash {shlex.quote(str(GATE))}", GATE_COMMAND=command, **environment)


def test_the_twin_gate_passes_a_script_whose_runs_are_equal(runner, tmp_path):
    done = gate(
        runner, f'sac train {POINT} --run_dir="$SAC_RUN_DIR"', GATE_SETUP="echo ready > prepared", GATE_KEEP="k"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "prepared").read_text() == "ready\n"
    assert "equal: 9 iterations compared" in done.stdout
    assert len(read_ledger(tmp_path / "k" / "run-2").lines) == 9
    assert runner.summary.read_text().startswith("## Equal, bit for bit")


def test_the_twin_gate_stops_a_script_whose_runs_part_and_says_where(runner):
    # Each run has another PYTHONHASHSEED: a script that leans on it is caught.
    command = f'sac train {POINT} --seed="$PYTHONHASHSEED" --gamma=0.7 --run_dir="$SAC_RUN_DIR"'
    done = gate(runner, command)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "channel env.seed" in done.stdout
    assert "seed" in runner.summary.read_text().splitlines()[0]


@pytest.mark.parametrize(
    "command, environment, words",
    [
        ("exit 7", {}, "run 1 failed with status 7"),
        ("true", {}, "run 1 left no ledger.jsonl"),
        ("true", {"GATE_SETUP": "exit 3"}, "the setup step failed with status 3"),
    ],
)
def test_the_twin_gate_says_why_it_could_not_compare(runner, command, environment, words):
    done = gate(runner, command, **environment)
    assert done.returncode == 2
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
