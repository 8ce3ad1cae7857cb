"""Imports point one way, and a wrong one is seen: the contracts stand in pyproject.toml, `./dev lint` checks them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACER = ROOT / "sac" / "why" / "tracer"
# Imports all of a folder's modules as `_sac_why`, in an interpreter that has the standard library alone.
ALONE = """
import importlib, importlib.util, pathlib, sys
folder = pathlib.Path(sys.argv[1])
spec = importlib.util.spec_from_file_location(
    "_sac_why", folder / "__init__.py", submodule_search_locations=[str(folder)])
sys.modules["_sac_why"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*(importlib.import_module("_sac_why." + path.stem).__name__ for path in sorted(folder.glob("[a-z]*.py"))))
"""
# What is planted -> file, line at its end, contract that must break.
PLANTED = {
    "up": ("streams.py", "from sac.learner.sac import Learner", "Rooms import what stands below them alone"),
    "sideways": ("ledger/marks.py", "from sac.run.lock import RunLock", "Rooms import what stands below them alone"),
    "in a function": (
        "numerics/adam.py",
        "def late():\n    from sac.envs.make import make_envs",
        "Rooms import what stands below them alone",
    ),
    "why -> reference": (
        "why/numeric_difference.py",
        "from sac.config import TrainConfig",
        "sac.why knows nothing of the reference",
    ),
    "reference -> why": (
        "commands/twin.py",
        "from sac.why.numeric_difference import numeric_difference",
        "Rooms import what stands below them alone",
    ),
    "tracer -> package": (
        "why/tracer/content.py",
        "from sac.digest import digest",
        "The traced process imports nothing of the package",
    ),
    "tracer -> why": (
        "why/tracer/content.py",
        "from sac.why.event import Event",
        "Within sac.why imports point one way, and none out of the traced process",
    ),
    "a circle": ("learner/mlp.py", "from sac.learner.networks import Actor", "No circles"),
    "a module without a room": ("helpers.py", "", "Rooms import what stands below them alone"),
}


def broken_contracts(root: Path) -> list[str]:
    """Names of the contracts that the package under `root` breaks."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})
    # A contract that ignores some imports says so behind its outcome.
    broken = re.findall(r"^(.+) BROKEN(?: \(.*\))?$", done.stdout, re.MULTILINE)
    assert (done.returncode != 0) == bool(broken), done.stdout + done.stderr
    return broken


@pytest.fixture
def copy(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "sac", tmp_path / "sac", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_imports_point_one_way(copy):
    assert broken_contracts(copy) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_wrong_import_breaks_its_contract(copy, planted):
    file, line, contract = PLANTED[planted]
    with (copy / "sac" / file).open("a") as source:
        source.write(f"\n\n{line}\n")
    assert contract in broken_contracts(copy)


def test_what_runs_inside_the_traced_process_needs_the_standard_library_alone():
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(TRACER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "_sac_why.recorder" in done.stdout and "_sac_why.hooks_torch" in done.stdout


def test_a_library_that_it_would_need_is_seen(tmp_path):
    shutil.copytree(TRACER, tmp_path / "tracer")
    with (tmp_path / "tracer" / "content.py").open("a") as source:
        source.write("\nimport numpy\n")
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(tmp_path / "tracer")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No module named 'numpy'" in done.stderr
