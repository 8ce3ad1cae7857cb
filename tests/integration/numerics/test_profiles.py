"""Profiles in fresh processes: they take effect, and the fingerprint tells one machine's arithmetic from another's."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sac.numerics.fingerprint import differences
from sac.numerics.profiles import PROFILES

CHILD = """
import json, os, sys
print("start", file=sys.stderr)
if "early" in sys.argv:
    import numpy
from sac.numerics import profiles
from sac.numerics.fingerprint import fingerprint
profile = sys.argv[1]
profiles.prepare(profile)
names = list(profiles.PROFILES["portable"].environment)
profiles.apply(profile, 1)
import torch
print(json.dumps({
    "environment": {name: os.environ.get(name) for name in names},
    "restarted": os.environ.get("SAC_RESTARTED"),
    "fingerprint": fingerprint(profile),
    "deterministic": torch.are_deterministic_algorithms_enabled(),
    "cudnn": [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32],
    "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
}))
"""


VARIABLES = {*PROFILES["portable"].environment, "SAC_RESTARTED", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}


def run_child(profile, *arguments, **environment):
    """What a fresh process finds after `prepare` and `apply`."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", CHILD, profile, *arguments]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "starts": done.stderr.count("start\n")}


@pytest.fixture(scope="module")
def children():
    wanted = {
        "portable": ("portable",),
        "portable after numpy": ("portable", "early"),
        "deterministic": ("deterministic",),
        "fast": ("fast",),
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(wanted, pool.map(lambda arguments: run_child(*arguments), wanted.values()), strict=True))


@pytest.mark.parametrize("profile", PROFILES)
def test_prepare_sets_the_variables_of_its_profile_and_no_others(children, profile):
    wanted = PROFILES[profile].environment
    assert children[profile]["environment"] == dict.fromkeys(PROFILES["portable"].environment) | wanted
    assert children[profile]["restarted"] is None


@pytest.mark.parametrize("profile", PROFILES)
def test_apply_sets_torchs_flags(children, profile):
    exact = profile != "fast"
    assert children[profile]["deterministic"] == exact
    assert children[profile]["cudnn"] == [exact, not exact, not exact]
    assert children[profile]["matmul_tf32"] == (not exact)
    assert children[profile]["fingerprint"]["threads"] == 1


def test_the_portable_profile_takes_its_code_paths(children):
    found = children["portable"]["fingerprint"]
    assert (found["mkl_cbwr"], found["capability"]) == (3, "AVX2")


def test_a_process_that_has_loaded_numpy_restarts_once(children):
    found = children["portable after numpy"]
    assert found["restarted"] is None, "children of a restarted process must be free to restart themselves"
    assert (found["starts"], children["portable"]["starts"]) == (2, 1)
    assert found["environment"] == PROFILES["portable"].environment


def test_the_probe_is_the_same_in_two_processes(children):
    a, b = (children[name]["fingerprint"] for name in ("portable", "portable after numpy"))
    assert a == b and differences(a, b) == []


def test_the_probe_tells_another_code_path(children):
    portable, fast = (children[name]["fingerprint"] for name in ("portable", "fast"))
    if (portable["capability"], portable["mkl_cbwr"]) == (fast["capability"], fast["mkl_cbwr"]):
        pytest.skip("this machine takes the portable code paths of torch and MKL by itself: nothing to tell apart")
    changed = [name for name in portable["probe"] if portable["probe"][name] != fast["probe"][name]]
    assert {"mm", "addmm", "bmm"} & set(changed)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_fingerprint_holds_all_that_its_profile_compares(children, profile):
    assert set(PROFILES[profile].same) <= set(children[profile]["fingerprint"])


def test_the_portable_profile_installs_them_and_no_other_does():
    code = (
        "from sac.numerics import profiles; import sys; profiles.prepare(sys.argv[1]); profiles.apply(sys.argv[1], 1); "
        "from sac.numerics import exact_functions; print(exact_functions.is_installed())"
    )
    for profile, wanted in (("portable", "True"), ("deterministic", "False")):
        done = subprocess.run([sys.executable, "-c", code, profile], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == wanted
