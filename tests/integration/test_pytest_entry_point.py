"""pytest in somebody else's project is untouched by the installed package, whatever files lie there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
(TARGET,) = re.findall(r'^sac_why = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
UNGUARDED = "from pathlib import Path\nPath('executed').touch()\nraise SystemExit('somebody else trains here')\n"
USES = "def seeded():\n    return 1\n\n\ndef test_uses(assert_deterministic):\n    assert_deterministic(seeded)\n"


@pytest.fixture
def project(tmp_path):
    """A project of somebody else's, and beside it what installing the package leaves in an environment."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "test_theirs.py").write_text("def test_theirs():\n    pass\n")
    # Without settings of its own pytest takes those of a folder above, which may be this repository's.
    (tmp_path / "project" / "pytest.ini").write_text("[pytest]\n")
    installed = tmp_path / "site" / "sac_determinism-0.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: sac-determinism\nVersion: 0.0\n")
    (installed / "entry_points.txt").write_text(f"[pytest11]\nsac_why = {TARGET}\n")
    return tmp_path / "project"


def run_pytest(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, as its owner would; the entry points of what is installed are loaded."""
    environment = {**os.environ, "PYTHONPATH": f"{project.parent / 'site'}{os.pathsep}{ROOT}"}
    environment.pop("PYTEST_DISABLE_PLUGIN_AUTOLOAD", None)
    # `python -m` puts the working directory in front of all else.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_an_unguarded_sac_py_is_neither_run_nor_in_the_way(project):
    (project / "sac.py").write_text(UNGUARDED)
    done = run_pytest(project)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (project / "executed").exists()


def test_an_entry_point_within_the_package_would_run_it(project):
    """Negative control: what earlier releases had."""
    (project / "sac.py").write_text(UNGUARDED)
    entry = project.parent / "site" / "sac_determinism-0.0.dist-info" / "entry_points.txt"
    entry.write_text("[pytest11]\nsac_why = sac.why.plugin\n")
    assert run_pytest(project).returncode != 0
    assert (project / "executed").exists()


def test_the_fixture_works_where_nothing_hides_the_package(project):
    (project / "test_uses.py").write_text(USES)
    done = run_pytest(project)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_fixture_names_the_file_that_hides_the_package(project):
    (project / "sac.py").write_text(UNGUARDED)
    (project / "test_uses.py").write_text(USES)
    done = run_pytest(project)
    assert f"is hidden here by {project / 'sac.py'}" in " ".join(done.stdout.split())
    assert "1 passed, 1 error" in done.stdout and not (project / "executed").exists()
