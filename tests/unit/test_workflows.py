"""The workflows are known to work, not only to parse: what they run exists, and what can run here does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from sac.cli import _COMMANDS
from sac.commands.train import parse_train
from sac.config import check

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
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
    assert {"determinism", "nightly", "gpu", "perf", "release", "gate"} <= {path.stem for path in WORKFLOWS}
    assert len(RUNS) > 10


@pytest.mark.parametrize("path, command", RUNS, ids=IDS)
def test_every_command_is_one_that_exists(path, command):
    words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    if words[:1] == ["bash"] and words[1].startswith(".github/"):
        assert (ROOT / words[1]).is_file()
    elif words[0] == "./dev":
        listed = set(re.findall(r"@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text()))
        listed |= set(re.findall(r'@nox\.session\(name="([\w-]+)"', (ROOT / "noxfile.py").read_text()))
        unknown = set(command.split(" -- ")[0].split()[1:]) - listed
        assert not unknown, f"{path.name} runs the sessions {sorted(unknown)}; there are {sorted(listed)}"
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
    assert "./dev integration" in gate
    noxfile = (ROOT / "noxfile.py").read_text()
    assert re.search(r'^INTEGRATION = .*"tests/why/test_quick.py"', noxfile, re.MULTILINE)


def test_the_flags_of_every_twin_are_accepted():
    from sac.commands.twin import twin_parser

    twins = [words for _, command in RUNS if (words := shlex.split(command))[1:2] == ["twin"]]
    assert twins
    for words in twins:
        _, flags = twin_parser().parse_known_args(words[2:])
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
