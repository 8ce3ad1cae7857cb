"""However long two ledgers are, no more than a few of their lines are in memory."""

from __future__ import annotations

import tracemalloc

import pytest

from sac.ledger.alignment import align
from sac.ledger.comparison import compare, coverage_difference
from sac.ledger.file import open_ledger, read_ledger
from sac.report.model import make_report
from sac.report.runs import read_runs
from tests.large_ledgers import write_large

LINES = (200, 2_000)
ROOM = 300_000
"""Bytes: a few lines, and what else happens to be made meanwhile."""


def peak(action, *paths):
    """The most memory that an action holds at once."""
    tracemalloc.start()
    try:
        action(*paths)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def whole(a, b):
    assert compare(open_ledger(a), open_ledger(b)).equal


def recorded_alike(a, b):
    assert coverage_difference(open_ledger(a), open_ledger(b)) is None


def reported(a, b):
    assert make_report(read_runs([a, b])).outcome == "equal"


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledgers")
    return {lines: [write_large(folder / f"{name}{lines}", lines) for name in "ab"] for lines in LINES}


@pytest.mark.parametrize("action", [whole, recorded_alike, reported], ids=lambda action: action.__name__)
def test_ten_times_the_lines_take_no_more_memory(ledgers, action):
    short, long = (peak(action, *ledgers[lines]) for lines in LINES)
    assert long < short + ROOM


def test_ledgers_that_are_read_whole_would_take_it(ledgers):
    """Negative control."""
    short, long = (peak(read_ledger, ledgers[lines][0]) for lines in LINES)
    assert long > short + 5 * ROOM


def test_nothing_is_read_beyond_the_first_difference(tmp_path):
    a, b = write_large(tmp_path / "a", 2_000), write_large(tmp_path / "b", 2_000, 10)
    # Whoever read on would meet a line that is none.
    b.write_bytes(b.read_bytes() + b"no line\n" + b"{}\n")
    found = compare(open_ledger(a), open_ledger(b))
    assert found.first.iteration == 10
    assert (found.compared_iterations, found.complete) == (11, False)
    with pytest.raises(ValueError, match=r"b:2002: expected a JSON object"):
        list(align(open_ledger(a), open_ledger(b)))
