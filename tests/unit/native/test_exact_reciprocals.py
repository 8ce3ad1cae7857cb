"""The simulator computes exactly where the profile asks for it, as SAPIEN made it elsewhere, and never in between."""

from __future__ import annotations

import ctypes
import itertools
import mmap

import numpy as np
import pytest

from sac.envs.maniskill.headless import import_simulator
from sac.envs.maniskill.physics_probe import probe_physics
from sac.native import exact_reciprocals, memory, sites
from sac.native.approximate import approximations
from sac.native.errors import NotReplaceable

pytestmark = pytest.mark.maniskill


@pytest.fixture(autouse=True)
def as_made():
    import_simulator()
    yield
    exact_reciprocals.install(False)


def the_patch() -> exact_reciprocals._Patch:
    (patch,) = exact_reciprocals._patches.values()
    return patch


def test_the_physics_is_another_with_exact_reciprocals_and_the_same_again_without():
    made = probe_physics()
    exact_reciprocals.install(True)
    exact = probe_physics()
    assert exact != made, "the scene reaches none of the instructions that are replaced"
    assert exact == probe_physics()
    exact_reciprocals.install(False)
    assert probe_physics() == made


def test_what_is_installed_is_read_from_memory():
    assert exact_reciprocals.is_installed() is False
    exact_reciprocals.install(True)
    assert exact_reciprocals.is_installed() is True
    exact_reciprocals.require()


def left_unpatched():
    """One site has its own instruction again."""
    address, code = list(the_patch().before.items())[5]
    return {address: code}


def with_another_trampoline():
    """One bit of the exact code is another: a subtraction in the place of a division, say."""
    address, code = the_patch().trampolines
    return {address: bytes([code[0] ^ 1])}


@pytest.mark.parametrize("fault", [left_unpatched, with_another_trampoline])
def test_a_site_that_is_not_exact_is_seen_before_a_step_is_taken(fault):
    exact_reciprocals.install(True)
    changes = fault()
    kept = {address: memory.read(address, len(code)) for address, code in changes.items()}
    memory.write_code(changes)
    try:
        assert exact_reciprocals.is_installed() is False
        with pytest.raises(NotReplaceable, match="approximate reciprocals"):
            exact_reciprocals.require()
    finally:
        memory.write_code(kept)


def test_code_that_something_else_has_changed_is_refused():
    exact_reciprocals.install(True)
    exact_reciprocals.install(False)
    address, code = next(iter(the_patch().before.items()))
    memory.write_code({address: b"\x90" * len(code)})
    try:
        with pytest.raises(NotReplaceable, match="something else has changed it"):
            exact_reciprocals.install(True)
    finally:
        memory.write_code({address: code})


def writable_and_executable() -> set[memory.Mapping]:
    return {one for one in memory.mappings() if {"w", "x"} <= set(one.flags)}


def test_no_page_is_writable_and_executable_at_once(monkeypatch):
    """Looked at each time that a page's use changes, not only afterwards. oneDNN keeps such pages of its own."""
    seen = []
    protect, before = memory.protect, writable_and_executable()

    def watched(*arguments):
        protect(*arguments)
        seen.extend(writable_and_executable() - before)

    monkeypatch.setattr(memory, "protect", watched)
    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    exact_reciprocals.install(True)
    exact_reciprocals.install(False)
    assert seen == []


def test_a_system_that_forbids_to_change_code_is_named(monkeypatch):
    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    monkeypatch.setattr(memory, "_LIBC", Forbidding())
    with pytest.raises(NotReplaceable, match=r"--numerics portable .*libsapien.so of sapien .* mprotect"):
        exact_reciprocals.install(True)


@pytest.mark.parametrize("nth", [1, 6, 24, 36])
def test_a_change_that_fails_half_way_leaves_no_code_that_may_be_run(monkeypatch, nth):
    """Before and after the bytes are written: the old code is back, and nothing steps the simulator all the same."""
    exact_reciprocals.install(True)
    exact_reciprocals.install(False)
    calls, protect = itertools.count(1), memory.protect

    def forbidding(*arguments):
        if next(calls) == nth:
            raise NotReplaceable("the system does not let this process change its own code (planted)")
        protect(*arguments)

    monkeypatch.setattr(exact_reciprocals, "_unusable", "")
    monkeypatch.setattr(memory, "protect", forbidding)
    with pytest.raises(NotReplaceable, match="planted"):
        exact_reciprocals.install(True)
    assert exact_reciprocals.is_installed() is False
    with pytest.raises(NotReplaceable, match="planted"):
        exact_reciprocals.require()
    code = [one for one in memory.mappings() if "libsapien" in one.path and "w" in one.flags and "x" in one.flags]
    assert code == []
    monkeypatch.undo()
    exact_reciprocals.install(False)
    assert all(executable(address) for address in the_patch().before)
    exact_reciprocals.require()


def executable(address: int) -> bool:
    return any(one.start <= address < one.stop and "x" in one.flags for one in memory.mappings())


def test_a_simulator_under_another_name_is_refused_and_not_taken_for_none(monkeypatch):
    monkeypatch.setattr(memory, "loaded", lambda prefix: {})
    with pytest.raises(NotReplaceable, match=r"sapien \d.* under another name"):
        exact_reciprocals.install(True)
    with pytest.raises(NotReplaceable):
        exact_reciprocals.require()
    exact_reciprocals.install(False)


def test_a_simulator_without_such_instructions_has_nothing_to_replace(monkeypatch):
    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    monkeypatch.setattr(sites, "sites", lambda path: ())
    for wanted in (True, False):
        exact_reciprocals.install(wanted)
        exact_reciprocals.require()


def test_the_library_mapped_as_data_is_not_taken_for_its_code():
    (path,) = memory.loaded(exact_reciprocals.LIBRARY)
    before = memory.loaded(exact_reciprocals.LIBRARY)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ):
        assert memory.loaded(exact_reciprocals.LIBRARY) == before


def test_a_library_whose_file_is_gone_is_refused(monkeypatch):
    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    monkeypatch.setattr(sites, "sites", gone)
    with pytest.raises(NotReplaceable, match="No such file"):
        exact_reciprocals.install(True)
    exact_reciprocals.install(False)


class Forbidding:
    """A C library whose mprotect says no, as a hardened kernel's does."""

    mmap = memory._LIBC.mmap
    dl_iterate_phdr = memory._LIBC.dl_iterate_phdr

    def mprotect(self, *_: int) -> int:
        ctypes.set_errno(13)
        return -1


def test_an_instruction_that_cannot_be_replaced_refuses_portable_with_version_and_reason(monkeypatch):
    def unfit(path):
        raise NotReplaceable(f"{path.name} holds vrcpps at 0x1234, and it can't be replaced")

    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    monkeypatch.setattr(sites, "sites", unfit)
    with pytest.raises(NotReplaceable, match=r"sapien \d.* vrcpps at 0x1234"):
        exact_reciprocals.install(True)
    exact_reciprocals.install(False)


def test_the_cpus_approximations_are_near_the_truth_and_repeat():
    """Intel and AMD both promise an error of at most 1.5 * 2^-12."""
    x = np.linspace(0.5, 4, 4096, dtype=np.float32)
    truth = {"rcpps": 1 / x.astype(np.float64), "rsqrtps": 1 / np.sqrt(x.astype(np.float64))}
    found = approximations(x)
    for name, result in found.items():
        assert np.abs(result / truth[name] - 1).max() <= 1.5 * 2**-12
        assert (result == approximations(x)[name]).all()
    assert set(found) == set(truth)


@pytest.mark.parametrize("count", [0, 3])
def test_numbers_that_fill_no_register_are_refused(count):
    with pytest.raises(ValueError, match="four at a time"):
        approximations(np.ones(count, np.float32))
