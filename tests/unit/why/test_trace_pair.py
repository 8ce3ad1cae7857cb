"""Two traces are read side by side in bounded memory, and the answer is the one that reading them whole gives."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sac.why import trace_pair
from sac.why.compare import compare
from sac.why.trace import read_trace
from sac.why.trace_pair import Twins
from sac.why.tracer.recorder import VERSION
from sac.why.verdict import judge

PLACES = 6
RARE = PLACES + 1


def write(path: Path, events: list[dict], end: str = "end") -> Path:
    shared = {"function": "f", "aside": False, "direct": True}
    places = [{"place": at, "file": "a.py", "line": at, "chain": at, **shared} for at in range(1, RARE + 1)]
    lines = [{"trace": VERSION, "root": str(path.parent)}, *places, *events, *([{"end": end}] if end else [])]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def event(number: int, at: int, count: int, output: str = "x", **more: object) -> dict:
    named = {"n": number, "k": "draw", "f": "draw", "at": at, "c": count, "p": 0, "t": float(number)}
    return {**named, "in": {}, "out": {"result": output}, "v": {}, "x": {"generator": "g", "seeded": True}, **more}


def many(number: int, **changed: str) -> list[dict]:
    """So many events in turn at each place; `e7="y"` gives the seventh another output."""
    return [event(n, 1 + n % PLACES, 1 + n // PLACES, changed.get(f"e{n}", "x")) for n in range(number) if n or changed]


def most_remembered(a: Path, b: Path) -> int:
    """The most events in memory while two traces are read."""
    pair = Twins(a, b)
    pair._add("")
    (process,) = pair.processes.values()
    most = 0
    while process.read(final=False) or process.read(final=True):
        most = max(most, process.remembered)
    return most


@pytest.fixture
def small(monkeypatch):
    """Bounds so small that a short trace exceeds them."""
    for name, value in {"KEEP": 20, "NEAR": 8, "TAIL": 60, "LEAD": 15, "ALONE": 200}.items():
        monkeypatch.setattr(trace_pair, name, value)
    monkeypatch.setattr("sac.why.trace.BLOCK", 1500)


def test_memory_does_not_grow_with_the_events(tmp_path, small):
    most = []
    for number in (500, 5_000):
        a, b = (write(tmp_path / f"{name}{number}", many(number)) for name in "ab")
        most.append(most_remembered(a, b))
    assert most[0] == most[1] < 200


def test_memory_that_grew_with_the_events_would_be_seen(tmp_path, small, monkeypatch):
    monkeypatch.setattr(trace_pair, "KEEP", None)
    most = []
    for number in (500, 5_000):
        a, b = (write(tmp_path / f"{name}{number}", many(number)) for name in "ab")
        most.append(most_remembered(a, b))
    assert most[1] > 9 * most[0]


@pytest.mark.parametrize("other", ["parts", "ends early", "does something else"])
def test_memory_is_bounded_where_runs_are_unlike_too(tmp_path, small, other):
    number = 2000
    a = write(tmp_path / "a", many(number))
    events = {
        "parts": many(number, **{f"e{n}": "y" for n in range(100, number)}),
        "ends early": many(50),
        "does something else": [{**one, "f": "another"} for one in many(number)],
    }
    b = write(tmp_path / "b", events[other])
    assert most_remembered(a, b) < 700


def test_all_events_are_counted_though_few_are_remembered(tmp_path, small):
    a, b = (write(tmp_path / name, many(3000)) for name in "ab")
    result = Twins(a, b).comparison()
    assert result.equal
    assert result.compared == 2999
    assert result.a.let_go == 2999 - 20 - 8


def test_a_trace_that_grows_is_followed_and_the_divergence_is_certain_when_enough_came_after_it(tmp_path, small):
    a, b = tmp_path / "a", tmp_path / "b"
    whole = [write(a, many(400), end="").read_text(), write(b, many(400, e0="x", e200="y"), end="").read_text()]
    pair = Twins(a, b)
    verdicts = []
    for part in (0.4, 0.51, 0.8):
        for path, text in zip((a, b), whole, strict=True):
            path.write_text(text[: int(part * len(text))])
        verdicts.append(pair.parted())
    assert verdicts == [False, False, True]


def spoilt(events: list[dict], dice: random.Random, late: int) -> list[dict]:
    """The events of another run: some changed, left out, or added; and some that are written later."""
    found = [dict(one) for one in events]
    start = dice.randrange(len(found) - 10)
    for _ in range(dice.randrange(3)):
        found[dice.randrange(start, len(found))]["out"] = {"result": "y"}
    for _ in range(dice.randrange(3)):
        del found[dice.randrange(start // 2, len(found))]
    for extra in range(dice.randrange(3)):
        added = event(0, RARE, 10_000 + extra, "z")
        found.insert(dice.randrange(start, len(found) + 1), added)
    found = [{**one, "n": number} for number, one in enumerate(found, start=1)]
    for _ in range(late):
        # An event that holds others is written after them.
        found.insert(min(len(found), dice.randrange(len(found)) + dice.randrange(30)), found.pop(dice.randrange(10)))
    return found


@pytest.mark.parametrize("seed", range(25))
def test_the_answer_is_that_of_reading_both_traces_whole(tmp_path, small, seed):
    dice = random.Random(seed)
    events = many(dice.choice([30, 300, 600]))
    ends = dice.choice([("end", "end"), ("end", "limit"), ("", "end")])
    a = write(tmp_path / "a", events, ends[0])
    late = dice.choice([0, 0, 1, 3])
    b = write(tmp_path / "b", spoilt(events, dice, late), ends[1])
    side_by_side, whole = Twins(a, b).comparison(), compare(read_trace(a), read_trace(b))
    assert side_by_side.compared == whole.compared
    assert side_by_side.notes == whole.notes
    assert (side_by_side.divergence is None) == (whole.divergence is None)
    if whole.divergence is not None:
        one, other = side_by_side.divergence, whole.divergence
        assert (one.event, one.outer, one.alone) == (other.event, other.outer, other.alone)
        # What is told beside it needs the order of events around it, which a late one far away may cost.
        assert late or one.before == other.before
        assert late or judge(side_by_side).to_json() == judge(whole).to_json()
