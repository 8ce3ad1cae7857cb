"""What this run alone calls its folders is no part of a path; all else is."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from sac.why.tracer import masks, own_paths, vary
from sac.why.tracer.content import digest
from sac.why.tracer.own_paths import unplaced


@pytest.fixture
def named(monkeypatch):
    """Give the run a name, as `{run}` in its command does."""

    def name(option: str, value: str) -> None:
        monkeypatch.setenv(masks.NAMES, f'[["{option}", "{value}"]]')
        forget()

    yield name
    monkeypatch.delenv(masks.NAMES, raising=False)
    forget()


def forget() -> None:
    """Forget the names of the run, and what was masked by them."""
    masks.own_names.cache_clear()
    own_paths._masked.cache_clear()


def test_the_name_of_the_run_is_masked_in_paths(named):
    def content(folder: str) -> str:
        named("--out", folder)
        return digest([Path(f"/work/{folder}/a.npz"), f"{folder}/a.npz", numpy.array([f"{folder}/a", f"{folder}/b"])])

    assert content("runs/1") == content("runs/2") == content("runs/seed-3")


def test_the_name_of_the_run_is_masked_in_long_lists_of_paths(named):
    named("--out", "runs/1")
    first = digest([f"runs/1/{number}.npz" for number in range(100)])
    named("--out", "runs/2")
    assert digest([f"runs/2/{number}.npz" for number in range(100)]) == first
    assert digest([f"runs/2/{number}.npz" for number in reversed(range(100))]) != first


@pytest.fixture
def begun(monkeypatch):
    """Let the run have begun on 21 June 2026."""
    monkeypatch.setattr(vary, "_started", [1_782_000_000.0])
    forget()
    yield
    forget()


@pytest.mark.parametrize("stamp", ["2026-06-21/00-00-07", "20260621T000007", "20260620-235959", "2026.06.21/00-00-07_"])
def test_a_day_of_the_run_is_masked_in_paths(stamp, begun):
    assert unplaced(f"out/{stamp}3.npz").startswith("out/<date>")


def test_another_day_tells_files_apart(begun):
    assert unplaced("data/2026-06-17.csv") == "data/2026-06-17.csv"
    assert unplaced("data/2019-03-02.csv") == "data/2019-03-02.csv"
    assert unplaced("data/1500000000.csv") == "data/1500000000.csv"


def test_the_name_of_a_temporary_folder_is_masked_and_that_of_a_temporary_file_is_not():
    assert unplaced("/tmp/tmpab3d_f9x/3.npz") == unplaced("/tmp/tmpq7__x8kk/3.npz")
    assert unplaced("/tmp/tmpab3d_f9x") != unplaced("/tmp/tmpq7__x8kk")


def test_a_text_that_is_no_path_keeps_its_day(begun):
    assert unplaced("2026-06-21") == "2026-06-21"


def test_the_order_of_files_in_a_folder_of_the_runs_own_counts(named):
    named("--out", "runs/1")
    first = digest([Path("runs/1/a"), Path("runs/1/b")])
    named("--out", "runs/2")
    assert digest([Path("runs/2/b"), Path("runs/2/a")]) != first
