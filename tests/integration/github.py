"""Runs what GitHub would: a job of a caller, through the reusable workflow, to the steps of the composite action."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.shell import ROOT, environment, put_command

ACTION = ROOT / ".github" / "actions" / "gate"

# Stands in for the package index: what pip would install into a folder is linked from where these tests found it.
_PIP = """
import importlib.metadata, importlib.util, pathlib, shutil, sys
words = sys.argv[1:]
target = pathlib.Path(words[words.index("--target") + 1])
target.mkdir(parents=True, exist_ok=True)
if "--no-deps" in words:
    for name in ("sac", "sac_determinism_pytest"):
        shutil.copytree(pathlib.Path(words[-1]) / name, target / name)
else:
    assert pathlib.Path(words[words.index("--constraint") + 1]).is_file()
    wanted = [word for word in words[words.index("--constraint") + 2:]]
    for name in [*wanted, *({"markdown_it", "mdurl", "pygments"} if "rich" in wanted else ())]:
        (target / name).symlink_to(pathlib.Path(importlib.util.find_spec(name).origin).parent)
"""


@dataclass
class Runner:
    """A runner with a checkout of somebody's repository.

    Attributes:
        checkout: the folder in which steps run.
        temp: `runner.temp`.
        environment: of all steps.
        said: what the steps printed.
    """

    checkout: Path
    temp: Path
    environment: dict[str, str]
    said: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The job's summary."""
        return (self.temp / "summary.md").read_text()

    def call(self, job: dict[str, Any]) -> int:
        """Run a job that calls the reusable workflow; returns the status of the first step that fails, else 0."""
        name, _, _ = job["uses"].partition("@")
        workflow = yaml.safe_load((ROOT / ".github" / "workflows" / Path(name).name).read_text())
        declared = workflow[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true
        inputs = _inputs(declared, job["with"])
        (called,) = workflow["jobs"].values()
        for step in called["steps"]:
            self.log.append(step.get("uses", step.get("name", "")).partition("@")[0])
            if step.get("uses", "").endswith("/.github/actions/gate"):
                given = {name: _filled(text, {"inputs": inputs}) for name, text in step["with"].items()}
                return self.use(given)
        raise AssertionError("the workflow does not use the action")

    def use(self, given: dict[str, str]) -> int:
        """Run the steps of the action as a step of a job does; returns the status of the first that fails, else 0."""
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        values = {"inputs": _inputs(action["inputs"], given), "runner": {"temp": str(self.temp)}}
        for step in action["runs"]["steps"]:
            assert step["shell"] == "bash"
            variables = {name: _filled(text, values) for name, text in step["env"].items()}
            assert "${{" not in step["run"], "what callers give must not become a part of a script"
            status = self._run(step["run"], {**variables, "GITHUB_ACTION_PATH": str(ACTION)})
            if status:
                return status
        return 0

    def _run(self, script: str, variables: dict[str, str]) -> int:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.said += done.stdout
        return done.returncode


def hosted_runner(folder: Path, repository: Path) -> Runner:
    """Check a repository out on a fresh runner: it has a Python with pip, and nothing of this project."""
    temp, programs = folder / "temp", folder / "bin"
    temp.mkdir()
    (temp / "summary.md").touch()
    python, pip = shlex.quote(sys.executable), shlex.join([sys.executable, "-c", _PIP])
    put_command(programs, "python", f'[ "$1 $2" = "-m pip" ] && shift 2 && exec {pip} "$@"\nexec {python} "$@"')
    put_command(programs, "pip", f'echo "pip $*" >> {shlex.quote(str(temp / "pip"))}')
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder / "checkout")], check=True)
    variables = environment(programs)
    del variables["PYTHONPATH"]
    variables |= {"GITHUB_STEP_SUMMARY": str(temp / "summary.md"), "GITHUB_ACTIONS": "true", "CI": "true"}
    return Runner(folder / "checkout", temp, variables)


def _inputs(declared: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    unknown = given.keys() - declared.keys()
    assert not unknown, f"no such inputs: {unknown}"
    lacking = {name for name, one in declared.items() if one.get("required") and name not in given}
    assert not lacking, f"inputs that are required: {lacking}"
    return {name: str(given.get(name, one.get("default", ""))) for name, one in declared.items()}


def _filled(text: str, values: dict[str, dict[str, str]]) -> str:
    """Put values into `${{ … }}`, as far as the project's files use it."""
    return re.sub(r"\$\{\{ (\w+)\.([\w-]+) \}\}", lambda found: values[found[1]][found[2]], str(text))
