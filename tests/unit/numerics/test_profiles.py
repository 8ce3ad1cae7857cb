"""Numerics: profiles take effect or refuse, and the fingerprint tells one machine's arithmetic from another's."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sac.digest import digest
from sac.native import exact_reciprocals
from sac.numerics import exact_functions, fixed_order, machine, profiles
from sac.numerics.fingerprint import VENDOR_CHOSEN, differences, fingerprint
from sac.numerics.probe import _OPERATIONS, probe
from sac.numerics.profiles import PROFILES, NumericsError, apply, prepare


@pytest.fixture
def flags():
    """Puts torch's flags back after a test that sets them in this process."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    before_cuda = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    yield
    exact_functions.install(False)
    exact_reciprocals.install(False)
    torch.set_num_threads(before[0])
    torch.set_deterministic_debug_mode(before[1])
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before_cuda


def test_the_probe_is_stable_within_a_process_and_covers_what_training_uses():
    first = probe(torch.device("cpu"))
    assert first == probe(torch.device("cpu"))
    assert {"mm", "addmm", "bmm", "sum", "sigmoid", "expm1", "softplus", "adam", "numpy.matmul", "acos"} <= set(first)
    assert len(set(first.values())) == len(first)


@pytest.fixture
def kept(monkeypatch, flags):
    """A machine on which every profile can keep its promise, so that a test can break one thing."""
    for name, value in PROFILES["portable"].environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(profiles, "mkl_branch", lambda: 3)
    monkeypatch.setattr(profiles.platform, "machine", lambda: "x86_64")
    return monkeypatch


@pytest.mark.parametrize("profile", PROFILES)
def test_apply_accepts_a_machine_that_keeps_the_promise(kept, profile):
    apply(profile, 1)


# What is broken -> profiles that must refuse, and the setting that they name.
STRICT = ("deterministic", "portable")
BREAKAGES = {
    "threads": (PROFILES, "torch.get_num_threads()"),
    "deterministic": (PROFILES, "torch.are_deterministic_algorithms_enabled()"),
    "capability": (("portable",), "torch.backends.cpu.get_cpu_capability()"),
    "other branch": (("portable",), "MKL_CBWR"),
    "no mkl": (("portable",), "MKL_CBWR"),
    "machine": (("portable",), "platform.machine()"),
    "exact": (("portable",), "exact_functions.is_installed()"),
    "reciprocals": (("portable",), "exact_reciprocals.is_wanted()"),
    "digits": (("portable",), "digits of np.longdouble"),
    "no kernels": (("portable",), "sac.numerics.fixed_order.level() is None"),
    **{name: (STRICT, name) for name in PROFILES["deterministic"].environment},
    **{
        name: (("portable",), name)
        for name in sorted(PROFILES["portable"].environment.keys() - PROFILES["deterministic"].environment)
    },
}


def break_it(patch, what):
    enabled = torch.are_deterministic_algorithms_enabled
    breakages = {
        "threads": lambda: patch.setattr(torch, "get_num_threads", lambda: 7),
        "deterministic": lambda: patch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: not enabled()),
        "capability": lambda: patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512"),
        "other branch": lambda: patch.setattr(profiles, "mkl_branch", lambda: 1),
        "no mkl": lambda: patch.setattr(profiles, "mkl_branch", lambda: None),
        "machine": lambda: patch.setattr(profiles.platform, "machine", lambda: "aarch64"),
        "exact": lambda: patch.setattr(exact_functions, "install", lambda wanted: None),
        "reciprocals": lambda: patch.setattr(exact_reciprocals, "install", lambda wanted: None),
        "no kernels": lambda: patch.setattr(fixed_order, "level", lambda: None),
        "digits": lambda: patch.setattr(np, "finfo", lambda kind: SimpleNamespace(nmant=52)),
    }
    breakages.get(what, lambda: patch.delenv(what))()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("what", BREAKAGES)
def test_a_setting_that_did_not_take_effect_is_refused_by_name(kept, what, profile):
    refusing, named = BREAKAGES[what]
    break_it(kept, what)
    if profile not in refusing:
        apply(profile, 1)
        return
    with pytest.raises(NumericsError) as error:
        apply(profile, 1)
    message = str(error.value)
    assert message.startswith(f"--numerics {profile} promises: ") and "sac doctor" in message
    assert named in message


@pytest.mark.parametrize("profile, threads", [("portable", 9), ("deterministic", 9)])
def test_more_threads_than_the_promise_allows_are_refused(kept, profile, threads):
    with pytest.raises(NumericsError, match=f"--threads {threads}: --numerics {profile} .* at most {threads - 1}"):
        apply(profile, threads)


@pytest.mark.parametrize("profile", PROFILES)
def test_default_threads_stay_within_process_and_promise(monkeypatch, profile):
    for cores in (1, 2, 64):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert profiles.default_threads(profile) == min(cores, 8)


def prepared(monkeypatch, profile, loaded, environment):
    """Restarts that `prepare` asks for, and the environment that it leaves."""
    restarts = []
    fake = SimpleNamespace(
        modules=dict.fromkeys(loaded), executable="/python", orig_argv=["python", "-m", "sac", "train"]
    )
    monkeypatch.setattr(profiles, "sys", fake)
    monkeypatch.setattr(os, "environ", dict(environment))
    monkeypatch.setattr(os, "execv", lambda *arguments: restarts.append(arguments))
    prepare(profile)
    return restarts, os.environ


DONE = PROFILES["portable"].environment


@pytest.mark.parametrize(
    "profile, loaded, environment, restarts",
    [
        ("portable", [], {}, False),
        ("portable", [], {"MKL_CBWR": "AVX2"}, False),
        ("portable", ["torch"], {}, True),
        ("portable", ["numpy"], {**DONE, "MKL_CBWR": "AVX2"}, True),
        ("portable", ["torch", "numpy"], DONE, False),
        ("portable", ["torch"], {"SAC_RESTARTED": "deterministic"}, True),
        ("fast", ["torch"], {}, False),
    ],
)
def test_prepare_restarts_only_where_a_library_read_other_values(monkeypatch, profile, loaded, environment, restarts):
    asked, left = prepared(monkeypatch, profile, loaded, environment)
    assert asked == ([("/python", ["/python", "-m", "sac", "train"])] if restarts else [])
    assert left.items() >= PROFILES[profile].environment.items()


def test_prepare_restarts_no_second_time(monkeypatch):
    environment = {**DONE, "MKL_CBWR": "AVX2", "SAC_RESTARTED": "portable"}
    with pytest.raises(NumericsError, match="--numerics portable: MKL_CBWR can't be set"):
        prepared(monkeypatch, "portable", ["torch"], environment)


def make_fingerprint(profile, /, **entries):
    base = {name: f"{name} here" for name in PROFILES["portable"].same + PROFILES["fast"].same}
    return base | {"profile": profile, "python": "3.11", "probe": {"mm": "1", "exp": "2"}} | entries


@pytest.mark.parametrize("profile", PROFILES)
def test_equal_fingerprints_have_no_differences(profile):
    assert differences(make_fingerprint(profile), make_fingerprint(profile)) == []


@pytest.mark.parametrize("profile, name", [(p, name) for p in PROFILES for name in PROFILES[p].same])
def test_differences_names_the_entry(profile, name):
    if name == "probe":
        changed, expected = {"mm": "1", "exp": "3"}, ["arithmetic of exp: 2, 3"]
    elif name == "profile":
        changed, expected = "other", [f"profile: {profile}, other"]
    else:
        changed, expected = "there", [f"{name}: {name} here, there"]
    assert differences(make_fingerprint(profile), make_fingerprint(profile, **{name: changed})) == expected


@pytest.mark.parametrize("profile, name", [("portable", "cpu"), ("portable", "python"), ("deterministic", "python")])
def test_differences_leaves_out_what_the_promise_does_not_need(profile, name):
    assert differences(make_fingerprint(profile), make_fingerprint(profile, **{name: "there"})) == []


KERNELS = {"products": machine.FIXED_ORDER}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_number_of_threads_counts_only_for_kernels_that_are_not_the_projects_own(profile):
    one, two = ({"threads": count} for count in (1, 2))
    assert differences(make_fingerprint(profile, **one), make_fingerprint(profile, **two)) == ["threads: 1, 2"]
    assert differences(make_fingerprint(profile, **one, **KERNELS), make_fingerprint(profile, **two, **KERNELS)) == []


def test_another_way_to_multiply_is_a_difference_whatever_the_threads():
    one, other = make_fingerprint("portable", threads=1, **KERNELS), make_fingerprint("portable", threads=2)
    assert differences(one, other) == ["threads: 1, 2", "products: fixed order, products here"]


def test_the_probe_computes_with_one_thread_whatever_the_run_takes(monkeypatch, flags):
    monkeypatch.setitem(_OPERATIONS, "sum", lambda x: torch.tensor(torch.get_num_threads()))
    torch.set_num_threads(3)
    assert probe(torch.device("cpu"))["sum"] == digest(torch.tensor(1))
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("profile, counts", [("portable", False), ("deterministic", True), ("fast", True)])
def test_the_cpus_own_approximations_may_differ_under_portable_alone(profile, counts):
    here, there = ({"probe": {name: vendor for name in VENDOR_CHOSEN}} for vendor in ("amd", "intel"))
    found = differences(make_fingerprint(profile, **here), make_fingerprint(profile, **there))
    expected = ["arithmetic of cpu.rcpps: amd, intel", "arithmetic of cpu.rsqrtps: amd, intel"]
    assert found == (expected if counts else [])


def test_the_probe_holds_the_cpus_own_approximations():
    assert set(VENDOR_CHOSEN) <= set(fingerprint("fast")["probe"])


@pytest.mark.parametrize("profile", PROFILES)
def test_a_simulator_that_computes_otherwise_is_a_difference(profile):
    here, there = ({"probe": {"simulator.contacts": digest}} for digest in "12")
    found = differences(make_fingerprint(profile, **here), make_fingerprint(profile, **there))
    assert found == ["arithmetic of simulator.contacts: 1, 2"]


@pytest.mark.parametrize(
    "other, expected",
    [
        ({"probe": {"mm": "1"}}, ["arithmetic of exp: 2, None"]),
        ({"probe": None}, ["arithmetic of exp: 2, None", "arithmetic of mm: 1, None"]),
        ({"probe": {"mm": "1", "exp": "2", "new": "4"}}, ["arithmetic of new: None, 4"]),
        ({"torch": None, "cpu": "there"}, ["torch: torch here, None", "cpu: cpu here, there"]),
    ],
)
def test_what_one_side_lacks_is_a_difference(other, expected):
    assert differences(make_fingerprint("deterministic"), make_fingerprint("deterministic", **other)) == expected


def test_a_profile_of_another_version_compares_all_entries():
    a, b = make_fingerprint("of 2030"), make_fingerprint("of 2030", python="3.12")
    assert differences(a, b) == ["python: 3.11, 3.12"]


def test_a_fingerprint_survives_json():
    found = fingerprint("fast")
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "content, cut", [("max 100000", None), ("150000 100000", 1), ("50000 100000", 1), ("", None), ("a b", None)]
)
def test_a_containers_quota_counts(tmp_path, content, cut):
    quota = tmp_path / "cpu.max"
    quota.write_text(content)
    everything = len(os.sched_getaffinity(0))
    assert machine.usable_cores(str(quota)) == (everything if cut is None else min(cut, everything))
    assert machine.usable_cores(str(tmp_path / "absent")) == everything
