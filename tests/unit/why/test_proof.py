"""A suspect is called the cause only if the runs, with it forced, part later or not at all."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from sac.why import suspect, suspects
from sac.why.causes import CAUSES
from sac.why.compare import compare
from sac.why.event import NOWHERE
from sac.why.evidence import evidence_of
from sac.why.launch import TracePlan
from sac.why.proof import Prover
from sac.why.search import Search, as_divergence
from sac.why.verdict import judge
from tests.unit.why.test_compare import compared, line
from tests.unit.why.test_compare import trace as traced

CLOCK = {"s": 1, "shown": "1"}


def runs(folder, parted_at=5, last=8, clock=True, listing=None):
    """Two runs of eight draws that part at one of them; a clock and a listing were read before."""
    sides = []
    for value in "pq":
        read = [line(1, "clock", at=1, output=value, **CLOCK)] if clock else []
        read += [line(2, "listing", at=2, output=value, **CLOCK)] if listing or (listing is None and clock) else []
        draws = [line(n, at=3, count=n, output=value if n >= parted_at else "x") for n in range(3, last + 1)]
        sides.append([*read, *draws])
    return compared(folder, *sides)


class Scripted(Prover):
    """A prover whose runs part where the test says, depending on what is forced."""

    def __init__(self, folder, parts):
        super().__init__(TracePlan(["true"], folder), 2, 1.0)
        self.folder, self.parts, self.asked = folder, parts, []
        self.seen_closer = None
        """What a pass over the calls shows; nothing where it is None."""

    def _watched(self, comparison, divergence):
        return self.seen_closer if self._plan.results else super()._watched(comparison, divergence)

    def run(self, forced, position=None):
        kinds = {entry["kind"] for one in (*self.known, *forced) for entry in one.force}
        self.asked.append(kinds)
        return runs(self.folder, self.parts(kinds))


def searched(folder, parts, most=6):
    comparison = runs(folder)
    prover = Scripted(folder, parts)
    return comparison, prover.search(comparison, most), prover


def test_what_moves_the_divergence_is_the_cause(tmp_path):
    comparison, search, _ = searched(tmp_path, lambda kinds: 7 if "clock" in kinds else 5)
    verdict = judge(comparison, search)
    assert (verdict.cause.name, verdict.place.line, search.proof.gained) == ("clock-value", 1, 2)
    assert verdict.to_json()["proof"]["text"].endswith("the runs are equal for 2 more events")


def test_what_makes_it_go_is_the_cause_too(tmp_path):
    comparison, search, _ = searched(tmp_path, lambda kinds: 99 if "listing" in kinds else 5)
    assert judge(comparison, search).cause.name == "listing-order"
    assert search.proof.whole


@pytest.mark.parametrize("place", [5, 4, 3], ids=["as before", "earlier", "earlier still"])
def test_what_does_not_move_it_is_no_cause(tmp_path, place):
    comparison, search, prover = searched(tmp_path, lambda kinds: place if kinds else 5)
    verdict = judge(comparison, search)
    assert (verdict.cause.name, verdict.proof, verdict.to_json()["proved"]) == ("unknown", None, False)
    assert len(prover.asked) == search.spent > 1


def test_a_cause_without_a_proof_does_not_exist(tmp_path):
    # Whoever is suspected: with no intervention there is none that moved the divergence.
    comparison, search, prover = searched(tmp_path, lambda kinds: 99, most=0)
    assert not prover.asked
    for verdict in (judge(comparison), judge(comparison, search)):
        assert verdict.cause.seen
        assert verdict.search.suspects


def test_of_two_causes_at_one_place_both_are_forced(tmp_path):
    comparison, search, _ = searched(tmp_path, lambda kinds: 7 if {"clock", "listing"} <= kinds else 5)
    assert search.proof is not None
    assert {one.cause for one in (search.proof.suspect, *search.proof.others)} >= {"clock-value", "listing-order"}
    assert "more: the runs are equal" in judge(comparison, search).proof.text


@pytest.mark.parametrize("again", [7, 99], ids=["later", "nowhere"])
def test_what_moves_by_itself_is_moved_by_nobody(tmp_path, again):
    """A clock was read before: another try with nothing forced parts later too, or not at all."""
    comparison, search, prover = searched(tmp_path, lambda kinds: 7 if "listing" in kinds else 5 if kinds else again)
    verdict = judge(comparison, search)
    assert (verdict.cause.name, verdict.proof) == ("unknown", None)
    assert prover.asked.count(set()) == 1, "one try is enough to know"


def test_without_a_clock_nothing_moves_by_itself_and_no_try_is_spent_on_it(tmp_path):
    sides = [
        [line(1, "listing", at=1, output=value, s=1, shown="1"), line(2, output=value, at=2, count=2)] for value in "pq"
    ]
    comparison = compared(tmp_path, *sides)
    prover = Scripted(tmp_path, lambda kinds: 99)
    assert prover.search(comparison, 6).proof is not None
    assert set() not in prover.asked


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_interventions_are_made_than_asked_for(tmp_path, most):
    _, search, prover = searched(tmp_path, lambda kinds: 5, most)
    assert len(prover.asked) == search.spent == most


def test_a_cause_that_is_known_stays_forced(tmp_path):
    _, search, prover = searched(tmp_path, lambda kinds: 7 if "clock" in kinds else 5)
    prover.known = (search.proof.suspect,)
    prover.asked.clear()
    prover.search(search.proof.again, 1)
    assert prover.asked and all("clock" in kinds for kinds in prover.asked)


def test_runs_that_fail_when_something_is_forced_prove_nothing(tmp_path):
    prover = Scripted(tmp_path, lambda kinds: 99)
    plain = prover.run
    prover.run = lambda forced, position=None: replace(plain(forced), failed=True)
    assert prover.search(runs(tmp_path), 6).proof is None


@pytest.mark.parametrize("guilty", ["hash", "id"])
def test_words_that_differ_need_no_event_to_be_explained(tmp_path, guilty):
    def printed(told_apart):
        read = [[line(1, kind, at=1, output=value, s=1, shown="1") for kind in ("hash", "id")] for value in "pq"]
        comparison = compared(tmp_path, *read)
        comparison.unseen = ["line 1 of what is printed: p and q"] * told_apart
        return comparison

    prover = Scripted(tmp_path, None)
    prover.run = lambda forced, position=None: printed(
        guilty not in {entry["kind"] for one in forced for entry in one.force}
    )
    proof = prover.search(as_divergence(printed(True)), 6).proof
    assert (proof.suspect.source.a.kind, proof.suspect.place.line, proof.whole) == (guilty, 1, True)


TOLD = {"in": "same", "kept": "gASVBQAAAA==", "at": "1:1"}


def called(folder, part, facts=None, name="os.times", later=()):
    """Two runs like `runs`, in which a call of their line gave another value before they part, and perhaps a later."""
    draws = [line(n, at=3, count=n, output="x") for n in range(3, 5)]
    sides = []
    for number, value in enumerate("pq"):
        told = {**CLOCK, "x": {**TOLD, **(facts or {}).get(number, {})}}
        end = [line(n, at=3, count=n, output=value if n >= part else "x") for n in range(5, 9)]
        more = [line(2, "result", at=2, output=value, f=one, **CLOCK, x={**TOLD, "unread": True}) for one in later]
        sides.append([line(1, "result", output=value, f=name, **told), *more, *draws, *end])
    return compared(folder, *sides)


def open_question(folder, moves, **facts):
    """Ask for the cause where nothing that is hooked moves the place; `moves` says which forced kind does."""
    prover = Scripted(folder, lambda kinds: 7 if moves in kinds else 5)
    prover.seen_closer = called(folder, 5, **facts)
    return prover.search(runs(folder), 2)


def test_where_nothing_known_moves_the_place_a_call_that_gave_another_value_is_the_cause(tmp_path):
    found = open_question(tmp_path, "result:os.times")
    assert (found.proof.suspect.cause, found.proof.suspect.place.line, found.spent) == ("clock-value", 1, 3)
    assert found.proof.suspect.force[0]["values"] == {"1:1": "gASVBQAAAA=="}


def test_a_call_that_moves_nothing_is_no_cause_either(tmp_path):
    found = open_question(tmp_path, "nothing")
    assert found.proof is None
    assert judge(runs(tmp_path), found).cause.name == "unknown"


def test_a_call_that_was_given_something_else_is_no_suspect(tmp_path):
    found = open_question(tmp_path, "result:os.times", facts={1: {"in": "other"}})
    assert found.proof is None


def test_a_call_whose_arguments_can_t_be_read_comes_after_those_whose_can(tmp_path):
    comparison = called(tmp_path, 5, name="Cursor.fetchall", later=["str.join"])
    known = [one.source.a.name for one in suspects.suspects_of(evidence_of(comparison, comparison.divergence))[:2]]
    assert known == ["Cursor.fetchall", "str.join"]


@pytest.mark.parametrize("moves, cause", [("clock", "clock-value"), ("result:makeRecord", "outside-value")])
def test_a_call_in_which_a_library_reads_the_clock_is_the_clock_s_only_if_that_is_proved(tmp_path, moves, cause):
    both = {number: {"timed": True} for number in range(2)}
    prover = Scripted(tmp_path, lambda kinds: 7 if moves in kinds else 5)
    prover.seen_closer = called(tmp_path, 5, both, "makeRecord")
    found = prover.search(runs(tmp_path, clock=False), 4)
    assert (found.proof.suspect.cause, found.proof.suspect.place.line) == (cause, 1)


def test_what_a_call_in_a_child_gave_can_be_given_again(tmp_path):
    sides = []
    for value in "pq":
        side = traced(tmp_path, f"{value}.trace", [line(2, output=value)])
        read = line(7, "result", output=value, f="Cursor.fetchall", **{**CLOCK, "x": TOLD, "t": 0.5})
        side.children["1"] = traced(tmp_path, f"{value}.trace.child", [read])
        side.children["1"].sources = [replace(one, process="1") for one in side.children["1"].sources]
        sides.append(side)
    comparison = compare(*sides)
    first = suspects.suspects_of(evidence_of(comparison, comparison.divergence))[0]
    assert first.force[0]["values"] == {"1:1": TOLD["kept"]}


def test_every_suspect_can_be_called_by_its_name():
    files = [Path(module.__file__) for module in (suspect, suspects)]
    trees = [ast.parse(file.read_text()) for file in files]
    words = {one.value for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Constant)}
    seen = {cause.name for cause in CAUSES.values() if cause.seen}
    seeds = {name for name in CAUSES if name.startswith("seed-from-")}
    assert {name for name in CAUSES if name not in words} <= seen | seeds


# ---------------------------------------------------------------- chance


def listed(folder):
    """Two runs that part at their fifth event; a listing was read before, and no clock."""
    return runs(folder, clock=False, listing=True)


class Moving(Scripted):
    """A prover whose runs part elsewhere each time: where a list for what is forced says next."""

    def __init__(self, folder, forced, free):
        super().__init__(folder, None)
        self.turns = {True: iter(forced), False: iter(free)}

    def run(self, forced, position=None):
        kinds = {entry["kind"] for one in forced for entry in one.force}
        self.asked.append(kinds)
        return runs(self.folder, next(self.turns[bool(kinds)]), clock=False, listing=True)


def test_a_place_that_moves_by_itself_proves_nothing_by_parting_later(tmp_path):
    """How long a loop is was drawn from outside: with nothing forced, it parts elsewhere too."""
    prover = Moving(tmp_path, forced=[7] * 9, free=[6] * 9)
    assert prover.search(listed(tmp_path), 1).proof is None
    assert prover.asked.count(set()) == 1


@pytest.mark.parametrize("forced, proved", [([99, 99, 6], False), ([99, 99, 99], True)])
def test_a_place_that_moves_by_itself_is_held_still_only_by_what_does_so_each_time(tmp_path, forced, proved):
    comparison = listed(tmp_path)
    first = suspects.suspects_of(evidence_of(comparison, comparison.divergence))[:1]
    # Threads were at work: what they do may hang on chance.
    comparison.a.racing["threads"] = NOWHERE
    prover, found = Moving(tmp_path, forced, free=[4]), Search(first, comparison)
    prover._force(found, 1)
    assert (found.proof is not None) == proved
    assert len(prover.asked) == 4, "forced three times, and free once"


def test_runs_that_are_equal_once_by_chance_prove_nothing(tmp_path):
    comparison = listed(tmp_path)
    first = suspects.suspects_of(evidence_of(comparison, comparison.divergence))[:1]
    assert not first[0].weak
    for forced, proved in (([99, 5], False), ([99, 99], True)):
        prover, found = Moving(tmp_path, forced, free=[]), Search(first, comparison)
        prover._force(found, 1)
        assert (found.proof is not None) == proved


def test_a_steady_place_that_parts_later_is_proof_enough(tmp_path):
    prover = Moving(tmp_path, forced=[7] * 9, free=[5])
    assert prover.search(listed(tmp_path), 1).proof.gained == 2


def test_what_only_lack_of_better_speaks_for_must_prove_itself_twice(tmp_path):
    comparison = listed(tmp_path)
    weak = [replace(one, weak=True) for one in suspects.suspects_of(evidence_of(comparison, comparison.divergence))]
    for forced, proved in (([99, 99], True), ([99, 5], False)):
        prover = Moving(tmp_path, forced, free=[5])
        found = Search(weak[:1], comparison)
        prover._force(found, 1)
        assert (found.proof is not None) == proved


def test_a_hash_is_not_forced_together_with_all_that_hashes_before_a_set_was(tmp_path):
    """A hash and a set differ, and only the set matters: where all hash alike, the runs would be equal too."""
    sides = []
    for value in "pq":
        read = [line(1, "set-order", at=1, output=value, **CLOCK), line(2, "hash", at=2, output=value, **CLOCK)]
        sides.append([*read, *(line(n, at=3, count=n, output=value if n > 4 else "x") for n in range(3, 9))])
    comparison = compared(tmp_path, *sides)
    prover = Scripted(tmp_path, None)
    alike = comparison.a, comparison.a

    def run(forced, position=None):
        moved = any(one.environment for one in forced) or any(one.cause == "set-order" for one in forced)
        return compare(*alike) if moved else comparison

    prover.run = run
    proof = prover.search(comparison, 6).proof
    assert (proof.suspect.cause, proof.suspect.place.line, proof.suspect.environment) == ("set-order", 1, {})


def test_an_innocent_is_not_named_for_having_been_forced_with_the_guilty(tmp_path):
    """All at once moves the place, and no intervention is left: still the guilty one is told from the others."""
    comparison = runs(tmp_path)
    prover = Scripted(tmp_path, lambda kinds: 99 if "listing" in kinds else 5)
    found = prover.search(comparison, 1)
    assert (found.proof.suspect.cause, found.proof.others) == ("listing-order", ())


def test_of_many_only_those_are_named_that_are_needed(tmp_path):
    comparison = runs(tmp_path)
    needed = suspects.suspects_of(evidence_of(comparison, comparison.divergence))
    clock, listing = (next(one for one in needed if one.cause == cause) for cause in ("clock-value", "listing-order"))
    bystanders = [replace(clock, force=({"kind": f"other{number}"},)) for number in range(2)]
    prover = Scripted(tmp_path, lambda kinds: 99 if {"clock", "listing"} <= kinds else 5)
    found = Search([clock, bystanders[0], bystanders[1], listing], comparison)
    prover._force(found, 6)
    assert {found.proof.suspect.cause, *(one.cause for one in found.proof.others)} == {"clock-value", "listing-order"}
    assert len(found.proof.others) == 1


def test_a_generator_that_never_moved_is_no_suspect(tmp_path):
    comparison = listed(tmp_path)
    for drawn, named in ((frozenset(), set()), (frozenset({"NumPy's global generator"}), {"NumPy's global generator"})):
        for trace in (comparison.a, comparison.b):
            trace.drawn = drawn
        found = suspects.suspects_of(evidence_of(comparison, comparison.divergence))
        assert {one.generator for one in found if one.generator} == named


def test_threads_at_work_are_looked_at_before_anybody_is_suspected(tmp_path):
    comparison = listed(tmp_path)
    comparison.a.racing["threads"] = NOWHERE
    prover = Moving(tmp_path, forced=[99] * 9, free=[5] * 9)
    prover.search(comparison, 1)
    assert prover.asked[0] == set(), "a pass that notes who comes first, with nothing forced"
