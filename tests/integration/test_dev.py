"""`./dev` says in one line why it can't install what it needs."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
