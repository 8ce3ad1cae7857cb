"""What ManiSkill imports to draw plots is imported when something is drawn, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.nightly import at_night

pytestmark = pytest.mark.maniskill
FINDS = """
import sys
from sac.envs.maniskill.env import find_task
find_task("PushCube-v1")
"""


def say(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_task_is_found_without_plots_and_whoever_draws_one_later_has_them():
    program = f"""{FINDS}
print("matplotlib.pyplot" in sys.modules)
held = sys.modules["pytorch_kinematics.ik"].plt
import matplotlib.pyplot, matplotlib.animation
print(type(matplotlib.pyplot).__name__, held.subplots is matplotlib.pyplot.subplots)
"""
    assert say(program).splitlines() == ["False", "module True"]


@at_night("a process that imports ManiSkill; the test before it draws with what it held")
def test_whoever_holds_a_plot_of_maniskills_may_use_it_first():
    program = f"""{FINDS}
held = sys.modules["pytorch_kinematics.ik"].plt
print(held.subplots is sys.modules["matplotlib.pyplot"].subplots)
"""
    assert say(program) == "True"


@at_night("a process that imports ManiSkill")
def test_plots_that_are_there_already_stay():
    assert say(f"import matplotlib.pyplot as mine, sys{FINDS}print(sys.modules['matplotlib.pyplot'] is mine)") == "True"
