"""Fresh processes run this package, whatever lies in the working directory."""

from __future__ import annotations

import os
import subprocess
import sys

import sac
from sac.numerics import profiles
from sac.processes import python_command, sac_command

CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_a_users_own_sac_py_is_not_taken_for_this_package(tmp_path):
    """ManiSkill's examples/baselines/sac/ holds a sac.py; the negative control shows that it would win."""
    (tmp_path / "sac.py").write_text("print('the wrong one')\n")
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')\n")
    done = subprocess.run(sac_command(["--version"]), cwd=tmp_path, env=CLEAN, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, sac.__version__), done.stderr
    naive = [sys.executable, "-m", "sac", "--version"]
    wrong = subprocess.run(naive, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, check=False)
    assert "the wrong one" in wrong.stdout


def test_a_restart_for_a_numerics_profile_keeps_the_package(tmp_path):
    (tmp_path / "sac.py").write_text("print('the wrong one')\n")
    program = "import numpy\nfrom sac.numerics import profiles\nprofiles.prepare('portable')\nprint(profiles.__file__)"
    environment = {name: value for name, value in CLEAN.items() if name not in ("MKL_CBWR", "OMP_DYNAMIC")}
    done = subprocess.run(python_command(program), cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == profiles.__file__
