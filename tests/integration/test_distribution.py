"""What hatchling builds of this checkout holds the whole package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sac
from tools import distribution

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout: nothing says which files belong to it")
def test_a_built_wheel_holds_the_whole_package(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling is not installed: `./dev build` builds and checks")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    wanted = {name for name in distribution.tracked() if name.startswith("sac/")}
    # What is not yet committed may be in the wheel; what is tracked must be.
    assert wanted <= distribution.wheel_files(wheel)
    assert "sac/py.typed" in distribution.wheel_files(wheel)
    assert distribution.version(wheel) == sac.__version__
