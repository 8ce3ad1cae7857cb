"""The tables of mutants fit the code as it is, and say of each all that is needed; their runner judges as it says."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sac.ledger.channels import CHANNELS
from tools.mutants import checks, ledgers
from tools.mutants.checks import GOLDENS, Catch
from tools.mutants.command import Result, _chosen, _parser, _summary
from tools.mutants.mutant import NO_RUN, BadMutant, Mutant
from tools.mutants.table import BEGIN, END, PAGE
from tools.mutants.tables import MUTANTS, ROOMS
from tools.mutants.tree import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_planted_and_says_what_it_models(mutant):
    mutant.check(ROOT)
    assert mutant.fault and mutant.channel in (None, NO_RUN, *CHANNELS)
    assert all((ROOT / test).exists() for test in mutant.tests)


def test_there_are_enough_in_every_room_and_no_two_of_one_name():
    assert len(MUTANTS) >= 80 and len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for room in ROOMS:
        assert room.mutants and all((ROOT / test).exists() for test in room.tests), room.name


def planted(**changes):
    return replace(
        Mutant("one", "sac/replay.py", "return self.state.size *", "return 2 *", "counts wrongly"), **changes
    )


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"before": "no such text"}, "holds 0 times, not once"),
        ({"before": "state"}, "times, not once"),
        ({"after": "return self.state.size *"}, "changes nothing"),
        ({"after": "return ("}, "no Python"),
    ],
)
def test_a_table_that_no_longer_fits_is_told(changes, message):
    planted().check(ROOT)
    with pytest.raises(BadMutant, match=message):
        planted(**changes).check(ROOT)


def result(stage="room", channel="replay.batch", expected="replay.batch"):
    return Result("replay", planted(channel=expected), Catch(stage, "tests/x.py", 1.0), channel)


@pytest.mark.parametrize(
    "found, status",
    [
        ([result()], 0),
        ([result("determinism")], 0),
        ([result(), result("")], 1),
        ([result(GOLDENS)], 1),
        ([result(channel="rollout.obs")], 1),
        ([result(channel=ledgers.EQUAL)], 1),
        ([result(channel=ledgers.EQUAL, expected=None)], 0),
        ([result(channel=None)], 0),
        ([], 1),
    ],
)
def test_a_survivor_a_catch_by_goldens_alone_and_another_channel_fail_the_session(found, status):
    assert _summary(found, 1.0) == status


def test_a_sample_is_the_same_for_the_same_code():
    drawn = [[mutant.name for _, mutant in _chosen(_parser().parse_args(["--sample", "8"]))] for _ in range(2)]
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 8


def test_the_page_tells_of_every_mutant_and_of_no_other():
    """`python -m tools.mutants --output F`, then `python -m tools.mutants.table F`, writes it anew."""
    told = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    named = {mutant.name for mutant in MUTANTS if f"{mutant.name}: {mutant.fault}" in told}
    assert {mutant.name for mutant in MUTANTS} - named == set()
    assert told.count("\n") == len(ROOMS) + len(MUTANTS) + 6, "rows of mutants that are no longer there"
    assert "**survived**" not in told


ENDS = {
    "a test failed": (1, "FAILED tests/unit/test_x.py::test_one[a b] - assert", "tests/unit/test_x.py::test_one[a"),
    "a fixture failed": (1, "ERROR tests/unit/test_x.py::test_one - boom", "tests/unit/test_x.py::test_one"),
    "none failed": (0, "3 passed", ""),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_failed_test_is_a_catch(monkeypatch, end):
    code, output, expected = ENDS[end]
    done = SimpleNamespace(returncode=code, stdout=output, stderr="")
    monkeypatch.setattr(checks.subprocess, "run", lambda *command, **options: done)
    assert checks.first_failure(ROOT, ("tests/unit",)) == expected


@pytest.mark.parametrize("output", ["ERROR tests/unit/test_x.py - ImportError", "no module named pytest", ""])
def test_tests_that_can_not_run_are_no_catch(monkeypatch, output):
    done = SimpleNamespace(returncode=2, stdout=output, stderr="")
    monkeypatch.setattr(checks.subprocess, "run", lambda *command, **options: done)
    with pytest.raises(checks.CannotTest, match="pytest ended with 2"):
        checks.first_failure(ROOT, ("tests/unit",))


def test_ways_that_are_prepared_at_the_same_time_have_folders_of_their_own(tmp_path, monkeypatch):
    """Two that shared one refused each other, and the channels of their mutants were never looked at."""
    folders, both = [], threading.Barrier(2)

    def trained(root, folder, way):
        both.wait(10)
        folders.append(folder)

    monkeypatch.setattr(ledgers, "_trained", trained)
    reference = ledgers.Reference(ROOT, tmp_path)
    for pair in ([((), True), ((), False)], [(("--overlap",), True), (("--overlap", "--utd=0.4"), True)]):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(reference.prepare, pair))
    assert len(set(folders)) == 4
