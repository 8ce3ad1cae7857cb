"""What ManiSkill imports: plots only when something is drawn, and nothing that garbage collections go through."""

from __future__ import annotations

import json
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
CYCLES = """
class Cycle:
    def __init__(self):
        self.itself = self
"""


def say(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def found():
    """What a fresh process finds that looks for a task, and draws and makes garbage later."""
    program = f"""import gc, json, weakref
{CYCLES}
gc.disable()
before = weakref.ref(Cycle())
{FINDS}
found = {{"plots": "matplotlib.pyplot" in sys.modules, "frozen": gc.get_freeze_count(), "before": before() is None}}
held = sys.modules["pytorch_kinematics.ik"].plt
import matplotlib.pyplot, matplotlib.animation
found["later"] = [type(matplotlib.pyplot).__name__, held.subplots is matplotlib.pyplot.subplots]
after = weakref.ref(Cycle())
gc.collect()
print(json.dumps({{**found, "after": after() is None}}))
"""
    return json.loads(say(program))


def test_a_task_is_found_without_plots_and_whoever_draws_one_later_has_them(found):
    assert not found["plots"]
    assert found["later"] == ["module", True]


def test_collections_skip_what_was_imported_and_free_garbage_as_ever(found):
    """Torch and ManiSkill are some 290,000 objects; the garbage is from before and after their import."""
    assert found["frozen"] > 100_000
    assert found["before"] and found["after"]


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
