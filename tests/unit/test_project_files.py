"""The files for people who come new: containers, forms, hooks. They say what `./dev` says."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def settings() -> dict:
    """What `./dev` knows: the libraries of the simulator, and which Pythons are supported."""
    return runpy.run_path(str(ROOT / "dev"))


def instructions(name: str) -> list[str]:
    """The instructions of a Dockerfile, continued lines joined."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    return [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def test_the_container_installs_the_libraries_that_dev_does():
    (install,) = [line for line in instructions("Dockerfile") if "apt-get install" in line]
    assert set(re.findall(r"lib\S+", install.partition("&& rm")[0])) == set(settings()["LIBRARIES"].values())


def test_the_container_has_a_supported_python():
    image = instructions("Dockerfile")[0]
    major, minor = map(int, re.search(r"^FROM python:(\d+)\.(\d+)-slim", image).groups())
    assert settings()["OLDEST"] <= (major, minor) <= settings()["NEWEST"]


def test_what_the_container_leaves_out_git_ignores_too():
    ignored = set((ROOT / ".gitignore").read_text().splitlines())
    left_out = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert {line.removeprefix("**/").strip("/") for line in left_out} <= {line.strip("/") for line in ignored}


def test_the_development_container_uses_the_same_file():
    content = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / content["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_every_form_is_checked_against_its_schema(path):
    patterns = re.findall(r'"github-issue-\w+": "(.*?)"', (ROOT / "noxfile.py").read_text())
    assert sum(path in ROOT.glob(pattern) for pattern in patterns) == 1


def test_hooks_call_the_tools_that_the_project_pins():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    lint = re.search(r"def run_lint\(.*?\n\n\n", (ROOT / "noxfile.py").read_text(), re.DOTALL)[0]
    for hook in repository["hooks"]:
        tool = re.match(r"\.nox/install/bin/([\w-]+)", hook["entry"])[1]
        assert f'"{tool}"' in lint, f"{hook['id']}: ./dev lint does not run {tool}"
