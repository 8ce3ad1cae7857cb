"""The search for instructions that a run reaches: a breakpoint in the place of one that is reached ends the copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from sac.envs.maniskill.physics_probe import _fall, import_simulator
from sac.native import exact_reciprocals
from tools import vendor_instructions
from tools.vendor_instructions import digests, ends_alike

pytestmark = pytest.mark.maniskill


def simulate(flags: list[str], folder: Path) -> int:
    """Stands in for a training: a scene, and a ledger of what became of it."""
    folder.mkdir()
    (folder / "ledger.jsonl").write_bytes(b"header\n" + _fall().tobytes())
    return 0


def test_what_is_reached_is_told_from_what_is_not(monkeypatch, tmp_path):
    """PhysX reaches some of its reciprocals in the scene of contacts, and not the first."""
    import_simulator()
    monkeypatch.setattr(vendor_instructions, "train", simulate)
    monkeypatch.setenv(exact_reciprocals.COUNTS, str(tmp_path / "counts"))
    monkeypatch.setattr(exact_reciprocals, "_patches", {})
    exact_reciprocals.install(True)
    try:
        simulate([], tmp_path / "first")
        counts = exact_reciprocals.read_counts(tmp_path / "counts")
        wanted = digests(tmp_path / "first")
        (patch,) = exact_reciprocals._patches.values()
        places = list(patch.after)
        reached = next(place for place, count in zip(places, counts, strict=False) if count)
        silent = next(place for place, count in zip(places, counts, strict=False) if not count)
        assert ends_alike([silent], [], tmp_path / "silent", wanted)
        assert not ends_alike([silent, reached], [], tmp_path / "reached", wanted)
    finally:
        exact_reciprocals.install(False)


def test_a_copy_that_ends_otherwise_counts_as_reached(monkeypatch, tmp_path):
    """A breakpoint in what is data, not code, changes results instead of ending the process."""
    monkeypatch.setattr(vendor_instructions, "train", simulate)
    assert not ends_alike([], [], tmp_path / "other", b"another ledger")


def test_libraries_are_found_with_the_places_where_they_lie():
    import_simulator()
    found = {library.path.name: base for library, base in vendor_instructions.libraries()}
    assert found["libsapien.so"] > 0
    assert found["made at run time"] == 0
    assert "libc.so.6" in found
