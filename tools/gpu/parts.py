"""What `tools.gpu` runs: one function for each part, each in fresh processes, on any device.

A part returns what it found as plain values. Its `status` is 0 where it ran and found no fault, 1 where it found one
(a failed test, runs that part), 2 where it could not find out; then `error` says why. `aims` judges the figures.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.numerics import machine
from sac.processes import Children

ROOT = Path(__file__).parents[2]
TESTS = tuple(
    f"tests/unit/{name}.py"
    for name in ("learner/test_fused", "test_digest", "rollout/test_policy", "ledger/test_recorder")
)
"""The files with tests that are skipped, or run in an interpreter, where there is no GPU."""
# Named, not discovered, as in noxfile.py.
PLUGINS = ("-p", "timeout", "-p", "hypothesispytest")
TWIN = ("--env_id=Point-v1", "--num_envs=4", "--total_timesteps=2_048", "--learning_starts=256", "--eval_freq=1_024")
ISSUE_1250 = (
    *("--env_id=StackCube-v1", "--num_envs=32", "--utd=0.5", "--buffer_size=500_000", "--eval_freq=50_000"),
    *("--control-mode=pd_ee_delta_pos", "--no-capture-video", "--overlap"),
)
FULL = 500_000
"""Env steps that the command of issue 1250 asks for."""

Found = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What to run and where.

    Attributes:
        out: folder of results, an absolute path.
        device: where learners work.
        total_timesteps: env steps of each long run; `FULL` is the command itself, anything else a trial.
        rounds: rounds of `updates`, pairs of `overlap`; None: their own defaults.
        twin: flags of the short twin.
        issue: flags of the long runs.
    """

    out: Path
    device: str = "cuda"
    total_timesteps: int = FULL
    rounds: int | None = None
    twin: tuple[str, ...] = TWIN
    issue: tuple[str, ...] = ISSUE_1250


Part = Callable[[Request, Children], Found]


def python(children: Children, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python from the repository's root; what it says is seen as it comes, unless `options` say else."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **options.pop("environment", {})}
    environment.pop("SAC_RESTARTED", None)
    if "stdout" not in options:
        print(f"$ python {shlex.join(arguments)}", flush=True)
    command = [sys.executable, *arguments]
    return children.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, **options)


def unused(folder: Path, name: str) -> Path:
    """A folder that is not there yet: what an earlier attempt left is never touched."""
    return next(path for path in (folder / f"{name}-{number}" for number in range(1, 10_000)) if not path.exists())


def failed(error: str) -> Found:
    """What a part returns that could not find out."""
    return {"status": 2, "error": error}


def tests(request: Request, children: Children) -> Found:
    """The tests that do something else on a GPU."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = python(children, "-m", "pytest", *PLUGINS, f"--junitxml={report}", *TESTS, environment=alone)
        if done.returncode not in (0, 1):
            return failed(f"pytest ended with status {done.returncode}")
        return {"status": done.returncode, **outcomes(report.read_text())}


def outcomes(report: str) -> dict[str, int]:
    """How many tests a JUnit report tells of, and how many of them failed or were skipped."""
    suites = ElementTree.fromstring(report).iter("testsuite")
    counts = {"tests": 0, "failed": 0, "skipped": 0}
    for suite in suites:
        counts["tests"] += int(suite.get("tests", 0))
        counts["failed"] += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        counts["skipped"] += int(suite.get("skipped", 0))
    return counts


def twin(request: Request, children: Children) -> Found:
    """A short training, twice, on a task that lives on the device."""
    folder = unused(request.out / "runs", "twin")
    done = python(children, "-m", "sac", "twin", f"--keep={folder}", f"--device={request.device}", *request.twin)
    if done.returncode not in (0, 1):
        return failed(f"sac twin ended with status {done.returncode}")
    found = comparison(folder / "run-0", folder / "run-1", children)
    return found | {"status": max(done.returncode, found["status"])}


def updates(request: Request, children: Children) -> Found:
    """Gradient steps a second, against the peers."""
    return measured("update_peers", [], "--rounds", request, children)


def overlap(request: Request, children: Children) -> Found:
    """What `--overlap` gains, with every core but one for workers."""
    workers = max(1, machine.usable_cores() - 1)
    flags = [f"--device={request.device}", f"--workers={workers}"]
    return measured("overlap_gain", flags, "--pairs", request, children)


def measured(module: str, flags: list[str], count: str, request: Request, children: Children) -> Found:
    """Run a program of `tools.measure` and read the seconds that it wrote, even where it then failed."""
    rounds = [] if request.rounds is None else [f"{count}={request.rounds}"]
    file = request.out / f"{module}-seconds.json"
    file.unlink(missing_ok=True)
    done = python(children, "-m", f"tools.measure.{module}", *flags, *rounds, f"--json={file}")
    trouble = failed(f"tools.measure.{module} ended with status {done.returncode}") if done.returncode else {}
    if not file.exists():
        return trouble or failed(f"tools.measure.{module} wrote no result")
    return {**trouble, "status": 0, "seconds_of": json.loads(file.read_text())}


def issue_1250_first(request: Request, children: Children) -> Found:
    """The command of issue 1250."""
    return long_run("issue_1250_first", request, children)


def issue_1250_second(request: Request, children: Children) -> Found:
    """The same again."""
    return long_run("issue_1250_second", request, children)


def long_run(name: str, request: Request, children: Children) -> Found:
    """Train by the command of issue 1250; its time is that of the whole process."""
    folder = unused(request.out / "runs", name)
    flags = [*request.issue, f"--total_timesteps={request.total_timesteps}", f"--device={request.device}"]
    start = time.perf_counter()
    done = python(children, "-m", "sac", "train", *flags, f"--run_dir={folder}")
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        return failed(f"sac train ended with status {done.returncode} after {seconds:.0f} s")
    # The replay buffer, hundreds of megabytes that nothing here reads, in a folder that is carried from call to call.
    shutil.rmtree(folder / "checkpoints" / "states", ignore_errors=True)
    last = json.loads((folder / "ledger.jsonl").read_text().splitlines()[-1])
    return {
        "status": 0,
        "run": str(folder.relative_to(request.out)),
        "wall_seconds": seconds,
        "steps": last["global_step"],
        "success_once": last_success(folder / "metrics.csv"),
        "full": request.total_timesteps == FULL,
    }


def last_success(metrics: Path) -> str:
    """The success rate of the last evaluation, as the run wrote it."""
    with metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows[-1]["success_once"] if rows else "none"


def issue_1250_equal(request: Request, children: Children) -> Found:
    """Whether the newest first and second run are the same."""
    first, second = (read(request.out, f"issue_1250_{run}") for run in ("first", "second"))
    if not (first and second) or first["status"] or second["status"]:
        return failed("it takes both runs: --parts issue_1250_first,issue_1250_second,issue_1250_equal")
    if first["steps"] != second["steps"]:
        return failed(f"runs of unlike length: {first['steps']:,} and {second['steps']:,} steps")
    folders = [first["run"], second["run"]]
    found = comparison(request.out / first["run"], request.out / second["run"], children)
    return found | {"runs": folders, "full": first["full"] and second["full"]}


def comparison(a: Path, b: Path, children: Children) -> Found:
    """Hold two runs' ledgers and policies against each other."""
    done = python(children, "-m", "sac", "diff", str(a), str(b), "--json", stdout=subprocess.PIPE)
    if done.returncode not in (0, 1):
        return failed(f"sac diff {a} {b} ended with status {done.returncode}")
    found = json.loads(done.stdout)
    same_policy = (a / "policy.pt").read_bytes() == (b / "policy.pt").read_bytes()
    where = f"{found['compared_iterations']} iterations compared"
    if found["first"]:
        where = f"parts at iteration {found['first']['iteration']}, {found['first']['channel']}"
        print(found["first"]["verdict"], flush=True)
    elif not found["complete"]:
        where += ", but one run has more"
    equal = found["equal"] and found["complete"] and same_policy
    return {"status": 0 if equal else 1, "ledgers": where, "policies_equal": same_policy}


PARTS: dict[str, Part] = {
    "tests": tests,
    "twin": twin,
    "updates": updates,
    "overlap": overlap,
    "issue_1250_first": issue_1250_first,
    "issue_1250_second": issue_1250_second,
    "issue_1250_equal": issue_1250_equal,
}
"""In the order in which they run: the last one reads what those before it left."""


def read(out: Path, part: str) -> Found | None:
    """What a part left, in this call or an earlier one; None where it has not run."""
    file = out / f"{part}.json"
    return json.loads(file.read_text()) if file.exists() else None
