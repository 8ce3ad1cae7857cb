"""`./dev` says in one line why it can't install what it needs."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = sys._base_executable


def test_a_clone_that_can_not_be_written_is_one_line(tmp_path):
    """A file stands where the tools' folder would be made: what a user who may write everything can't do either."""
    for name in ("dev", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".nox").touch()
    done = subprocess.run([sys.executable, tmp_path / "dev", "lint"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stdout + done.stderr
        == f"dev: {tmp_path}: can't be written (Not a directory): use a clone that is yours to write\n"
    )


def test_an_environment_without_pip_uses_its_base_s(tmp_path, monkeypatch):
    """As uv makes them; nothing is installed here, the interpreter is asked for alone."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    code = "import runpy; print(runpy.run_path({!r})['python_with_pip']())"
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for python, expected in ((tmp_path / "bare/bin/python", BASE), (BASE, BASE)):
        done = subprocess.run(
            [python, "-c", code.format(str(ROOT / "dev"))], capture_output=True, text=True, check=True
        )
        assert os.path.samefile(done.stdout.strip(), expected)
        assert not done.stdout.startswith(str(tmp_path))
