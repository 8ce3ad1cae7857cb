"""What is said and which status is left, for every way a comparison can go."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from sac.bench import compare, judge
from sac.bench.compare import BenchReport, Wanted, missing, result_of
from sac.bench.judge import BenchVerdict, Samples
from sac.bench.report import as_json, markdown, print_report
from sac.bench.rounds import BenchRecord, Rounds, Setup, TimingPlan
from sac.bench.trees import Tree

ROOT = Path(__file__).parents[3]
CALM, BUSY = {"operations": 5}, {"operations": 6}
NAMES = ("update_256", "digest")


def samples(ratio, rounds=5):
    return Samples([[((1.0, 1.0), (ratio, ratio * 1.001 ** (r - 2)))] * 4 for r in range(rounds)])


def uneven(*ratios):
    """Samples of processes that differ."""
    return Samples([[((1.0, 1.0), (ratio, ratio))] * 4 for ratio in ratios])


def record(cpu=1.0, wall=None, counters=(CALM, CALM), errors=("", ""), rounds=5):
    by_the_wall = wall if isinstance(wall, Samples) else samples(cpu if wall is None else wall, rounds)
    clocks = {"cpu": samples(cpu, rounds), "wall": by_the_wall}
    return BenchRecord(clocks, counters, errors, TimingPlan(2, 1, 1))


def none_measured(errors):
    return BenchRecord(errors=errors)


# What was measured -> verdict, and what the note says.
RESULTS = {
    "equal": (record(), BenchVerdict.WITHIN, ""),
    "slower": (record(1.3), BenchVerdict.SLOWER, ""),
    "slower, and more operations": (record(1.3, counters=(CALM, BUSY)), BenchVerdict.SLOWER, "operations 5 to 6"),
    "faster": (record(0.7), BenchVerdict.FASTER, ""),
    "it waits": (record(1.0, wall=1.3), BenchVerdict.SLOWER, ""),
    "it waits, by how much is open": (
        record(1.0, wall=uneven(1.05, 1.2, 1.3, 1.35, 1.4)),
        BenchVerdict.INCONCLUSIVE,
        "",
    ),
    "noise of the wall clock": (record(1.0, wall=uneven(0.9, 1.0, 1.05, 1.3, 1.5)), BenchVerdict.WITHIN, ""),
    "it waits a little": (record(1.0, wall=1.099), BenchVerdict.WITHIN, ""),
    "more operations": (record(counters=(CALM, BUSY)), BenchVerdict.COUNTERS, "operations 5 to 6"),
    "fewer operations": (record(counters=(BUSY, CALM)), BenchVerdict.WITHIN, "operations 6 to 5"),
    "fails in the head": (
        none_measured(("", "KeyError: 'x'")),
        BenchVerdict.FAILED,
        "in the head, not in the base: KeyError",
    ),
    "fails in the base": (
        none_measured(("no such name", "")),
        BenchVerdict.NO_BASE,
        "the base can't run it: no such name",
    ),
    "fails in both": (none_measured(("no GPU", "no GPU")), BenchVerdict.SKIPPED, "can't run here: no GPU"),
    "no time": (BenchRecord(), BenchVerdict.INCONCLUSIVE, "no time was left"),
    "two pairs": (record(rounds=2), BenchVerdict.INCONCLUSIVE, ""),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_says_what_was_found(name):
    given, verdict, note = RESULTS[name]
    found = result_of("update_256", given, Wanted())
    assert (found.verdict, note in found.note) == (verdict, True)


def test_counters_can_be_accepted():
    assert result_of("digest", record(counters=(CALM, BUSY)), Wanted(counters=False)).verdict is BenchVerdict.WITHIN


def test_a_benchmark_that_the_head_dropped_is_told():
    hellos = ({"own": ["digest", "old"]}, {"own": ["digest"]})
    (found,) = missing(hellos, Wanted())
    assert (found.name, found.verdict) == ("old", BenchVerdict.MISSING)
    assert missing(hellos, Wanted(names=NAMES)) == []
    assert missing(({"own": []}, {"own": ["digest"]}), Wanted()) == []


class Given(Rounds):
    """Rounds that find what the test says; one ratio for each pair of processes."""

    ratios: dict
    asked: list

    def run(self, names):
        self.asked.append(tuple(names))
        for name in names:
            ratios = self.ratios[name]
            found = self.records.setdefault(name, record(rounds=0))
            ratio = ratios[min(len(found.samples["cpu"].rounds), len(ratios) - 1)]
            for clock in found.samples.values():
                clock.rounds.append([((1.0, 1.0), (ratio, ratio))] * 4)


@pytest.fixture
def given(monkeypatch):
    def run(ratios, **wanted):
        Given.ratios, Given.asked = ratios, []
        monkeypatch.setattr(compare, "Rounds", Given)
        tree = Tree(ROOT, "0123456789abcdef", "as it is")
        return compare.compare(tree, tree, Wanted(tuple(ratios), **wanted), Setup(), say=lambda line: None)

    return run


def test_what_is_decided_is_not_measured_again(given):
    wide = (0.95, 1.2, 0.9, 1.25, 1.0)
    report = given({"update_256": (1.0,), "digest": wide}, pairs=3)
    assert Given.asked[:3] == [NAMES] * 3
    assert set(Given.asked[3:]) == {("digest",)}
    assert len(Given.asked) <= 3 * (1 + compare.EXTRA)
    assert report.results[0].rounds == 3


def test_an_open_question_ends_inconclusive_after_the_extra_pairs(given):
    report = given({"digest": (1.0, 1.25) * 20}, pairs=3)
    assert len(Given.asked) == 3 * (1 + compare.EXTRA)
    assert report.exit_status == 4


def test_once_the_time_is_spent_only_the_pairs_that_a_verdict_needs_are_run(given):
    given({"digest": (1.0, 1.25) * 20}, pairs=5, seconds=1e-9)
    assert len(Given.asked) == judge.MINIMUM_ROUNDS


@pytest.mark.parametrize(("ratio", "status"), [(1.0, 0), (1.3, 1), (0.5, 0)])
def test_the_exit_status_is_that_of_the_worst(given, ratio, status):
    assert given({"update_256": (1.0,), "digest": (ratio,)}).exit_status == status


def test_all_outputs_hold_the_verdict(given):
    report = given({"update_256": (1.0,), "digest": (1.3,)})
    console = Console(width=200, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    print_report(report, console)
    shown = console.export_text()
    for text in (shown, markdown(report)):
        assert "slowdown (threshold 10%" in text and "1.300" in text and "0123456789 (as it is)" in text
    document = json.loads(as_json(report))
    assert document["exit_status"] == 1
    assert [result["verdict"] for result in document["results"]] == ["within the threshold", "slower"]
    assert len(document["samples"]["digest"]["cpu"]) == 5


def test_outputs_of_a_comparison_that_found_nothing():
    tree = Tree(ROOT, "0123456789abcdef")
    result = result_of("digest", none_measured(("a|b", "a|b")), Wanted())
    report = BenchReport(tree, tree, Wanted(), Setup(), [result], 1.0, (0.0, 0.0), ({}, {}), {})
    assert report.exit_status == 2
    assert "a&#124;b" in markdown(report)


@pytest.mark.parametrize("seconds", [1e-8, 1e-5, 1e-3, 0.05, 3.0])
def test_a_plan_keeps_to_its_budget(seconds):
    plan = TimingPlan.of(seconds, budget=1.5)
    turn = plan.repetitions * plan.calls * seconds
    assert turn < 0.04 or (plan.repetitions, plan.calls) == (1, 1)
    assert 2 <= plan.couples <= 6
    assert 8 * plan.couples * turn <= 1.5 or plan.couples == 2
