"""What hatchling builds of this checkout is complete, and works where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import sac
from tools import distribution

ROOT = Path(__file__).parents[2]
HIDES_IT = "from pathlib import Path\nPath('executed').touch()\nraise SystemExit('somebody else trains here')\n"
TESTS = "def test_theirs():\n    pass\n\n\ndef test_fixture(assert_deterministic):\n    pass\n"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="no git checkout: nothing says which files belong to it"
)


def build(source: Path, folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *options]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a wheel and a source distribution."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: `./dev build` builds and checks")
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of the programs of a fresh environment that holds the wheel; what it needs is borrowed from here."""
    pytest.importorskip("uv", reason="needs uv: pip install -e '.[dev]'")
    root = tmp_path_factory.mktemp("fresh")
    venv.create(root, with_pip=False, symlinks=True)
    python = root / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--python",
        str(python),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    # Behind its own packages: so `sac` is the wheel's, and nothing else is installed twice.
    (site,) = root.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    program = "import sys\nfrom pytest import console_main\nsys.exit(console_main())\n"
    (root / "bin" / "pytest").write_text(f"#!{python}\n{program}")
    (root / "bin" / "pytest").chmod(0o755)
    return root / "bin"


def run(program: Path, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run an installed program, as a shell would that knows nothing of this checkout."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [str(program), *words]
    return subprocess.run(command, cwd=cwd, env={**inherited, **variables}, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path):
    """Somebody else's project, with a `sac.py` of its own."""
    (tmp_path / "sac.py").write_text(HIDES_IT)
    (tmp_path / "test_theirs.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_the_distributions_lack_nothing(built, wheel):
    (sdist,) = built.glob("*.tar.gz")
    # What is not yet committed may be in them; what is tracked must be.
    troubles = distribution.troubles(wheel, sdist, distribution.tracked(), f"v{sac.__version__}")
    assert [line for line in troubles if not line.endswith("which git does not track")] == []
    assert {"sac/py.typed", "sac_determinism_pytest/__init__.py"} <= distribution.wheel_files(wheel)


def test_the_source_distribution_builds_the_same_wheel(built, wheel, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Pythons before 3.10.12 and 3.11.4 have no filters, and take no archive of strangers here.
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    build(next(tmp_path.iterdir()), tmp_path / "dist", "--target", "wheel")
    (again,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert first.namelist() == second.namelist()
        assert all(first.read(name) == second.read(name) for name in first.namelist())


def test_its_command_runs_beside_a_file_of_the_same_name(installed, project):
    assert run(installed / "sac", "--version", cwd=project).stdout == f"{sac.__version__}\n"
    found = run(installed / "python", "-c", "import sac; print(sac.__file__)", cwd=project.parent).stdout
    assert str(installed.parent) in found
    assert not (project / "executed").exists()


def test_pytest_runs_the_projects_tests_and_never_its_file(installed, project):
    done = run(installed / "pytest", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 1 and "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert f"is hidden here by {project / 'sac.py'}" in " ".join(done.stdout.split())
    assert not (project / "executed").exists()


def test_pytest_without_plugins_knows_nothing_of_the_package(installed, project):
    (project / "test_theirs.py").write_text(TESTS.partition("\n\n\n")[0] + "\n")
    for words, variables in (([], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}), (["-p", "no:sac_why"], {})):
        done = run(installed / "pytest", "-p", "no:cacheprovider", *words, cwd=project, **variables)
        assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (project / "executed").exists()
