"""Whole programs: equal where they are seeded, and the fault named where one is planted."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from tests.why.test_corpus import sac

PROGRAMS = Path(__file__).parent / "programs"
FAULTS = {
    "sac_single": ("unseeded-space", "envs.action_space.sample()"),
    "ppo_single": ("unseeded-replay", "np.random.shuffle"),
    "sb3_sac": ("unseeded-global", "SAC("),
}


def script(name: str) -> list[str]:
    if name.startswith("sb3") and importlib.util.find_spec("stable_baselines3") is None:
        pytest.skip("stable_baselines3 isn't installed")
    return [sys.executable, str(PROGRAMS / f"{name}.py")]


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_program_is_equal(name):
    done = sac("why", "--json", "--", *script(name))
    assert done.returncode == 0, json.loads(done.stdout)["first"]
    assert json.loads(done.stdout)["compared_events"] > 100


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_program_is_named(name):
    cause, code = FAULTS[name]
    command = script(name)
    done = sac("why", "--json", "--", *command, "--fault")
    first = json.loads(done.stdout)["first"]
    assert done.returncode == 1
    assert first["cause"] == cause
    assert code in Path(command[1]).read_text().splitlines()[first["line"] - 1]


@pytest.mark.maniskill
def test_the_warm_up_of_a_maniskill_script_is_named_in_two_minutes():
    flags = ("--env", "PushCube-v1", "--steps", "100000", "--learning-starts", "60", "--fault")
    done = sac("why", "--json", "--", *script("sac_single"), *flags)
    first = json.loads(done.stdout)["first"]
    assert first["cause"] == "unseeded-space"
    assert first["inputs_equal"]
