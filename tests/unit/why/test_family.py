"""The processes of a run are found by what they are in it, not by their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sac.why.compare import compare
from sac.why.coverage import note_coverage
from sac.why.family import children_of, files_of
from sac.why.outcome import DIVERGED, EQUAL, ERROR, outcome_of
from sac.why.trace import read_trace
from sac.why.trace_pair import Twins
from sac.why.tracer.recorder import VERSION


def write(path: Path, *lines: dict, end: str = "end", **header: object) -> None:
    place = {"file": "a.py", "line": 1, "function": "f", "chain": 1, "aside": False, "direct": True}
    first = {"trace": VERSION, "root": str(path.parent), **header}
    entries = [first, {"place": 1, **place}, *lines, *([{"end": end}] if end else [])]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def event(number: int = 1, **more: object) -> dict:
    return {"n": number, "k": "draw", "f": "draw", "at": 1, "c": number, "in": {}, "out": {"result": "x"}, **more}


def run(folder: Path, name: str, children: list[dict], *lines: dict, offset: int = 0, end: str = "end") -> Path:
    """Write a run: its first process, and others by their headers, which may hold `lines` and `end`."""
    path = folder / f"{name}.trace"
    write(path, event(), *lines, id="10-a", parent="", pid=10, end=end)
    for number, child in enumerate(children):
        pid = 100 + offset + number
        header = {"id": f"{pid}-b", "parent": "10-a", "pid": pid, "start": float(number), **child}
        child_lines, child_end = header.pop("lines", [event()]), header.pop("end", "end")
        write(folder / f"{name}.trace.{pid}-b", *child_lines, end=child_end, **header)
    return path


def compared(folder: Path, a: Path, b: Path):
    result = Twins(a, b).comparison()
    note_coverage(result)
    return result


@pytest.mark.parametrize(
    "children, labels",
    [
        ([{"slot": 2}, {"slot": 1}], [".1", ".2"]),
        ([{"rank": "1"}, {"rank": "0"}], [".rank0", ".rank1"]),
        ([{"argv": ["b.py"]}, {"argv": ["a.py"]}], [".x1", ".x2"]),
        ([{"slot": 1}, {"slot": 1}], [".1", ".1-2"]),
        ([{"slot": 1}, {"slot": 1, "parent": "100-b"}], [".1", ".1.1"]),
        ([{"parent": "77-gone"}], [".x1"]),
    ],
    ids=["by position", "by rank", "by command line", "one position twice", "grandchildren", "behind a shell"],
)
def test_a_label_is_made_of_what_says_something_in_another_run(tmp_path, children, labels):
    path = run(tmp_path, "a", children)
    assert sorted(children_of(path)) == labels
    assert len(files_of(path)) == len(children)


def test_processes_of_other_numbers_are_held_against_each_other(tmp_path):
    a = run(tmp_path, "a", [{"rank": "0"}, {"rank": "1", "lines": [event(), event(2)]}])
    b = run(tmp_path, "b", [{"rank": "1", "lines": [event(), event(2)]}, {"rank": "0"}], offset=50)
    result = compared(tmp_path, a, b)
    assert (outcome_of(result)[0], result.compared) == (EQUAL, 4)


STARTED = {"started": 500, "arguments": ["python3", "-I", "x.py"], "at": 1}
UNCOVERED = {
    "a child that was killed": ([{"slot": 1, "end": ""}], (), "has no end"),
    "a child that its parent killed": ([{"slot": 1, "end": ""}], ({"killed": 100},), ""),
    "a server of forks": ([{"slot": 1, "end": "", "lasting": True}], (), ""),
    "a Python that is isolated": ([], (STARTED,), "isn't followed: python3 -I x.py, started at a.py:1"),
    "a program that is no Python": ([], ({**STARTED, "arguments": ["git", "log"]},), ""),
}


@pytest.mark.parametrize("what", UNCOVERED)
def test_what_was_not_followed_is_never_called_equal(tmp_path, what):
    children, lines, said = UNCOVERED[what]
    result = compared(tmp_path, *(run(tmp_path, name, children, *lines) for name in "ab"))
    assert (outcome_of(result)[0], result.proven) == ((ERROR, False) if said else (EQUAL, True))
    assert any(said in one for one in result.uncovered) == bool(said)


def test_a_run_without_an_end_is_never_called_equal(tmp_path):
    result = compared(tmp_path, run(tmp_path, "a", []), run(tmp_path, "b", [], end=""))
    assert outcome_of(result)[0] == ERROR
    assert result.uncovered == ["run 2 has no end: it was killed, or became a program that isn't traced"]


def test_a_child_of_one_run_only_is_no_equality_if_it_did_anything(tmp_path):
    a = run(tmp_path, "a", [{"slot": 1}, {"slot": 2, "lines": []}])
    result = compared(tmp_path, a, run(tmp_path, "b", []))
    assert outcome_of(result)[0] == ERROR
    assert result.uncovered == ["child process .1 is in run 1 only, with 1 events"]


def test_what_could_not_be_read_is_counted_by_type_and_place(tmp_path):
    unreadable = [event(number, nc=[["result[0]", "builtins.generator"]]) for number in (1, 2)]
    a, b = (run(tmp_path, name, [{"slot": 1, "lines": unreadable}]) for name in "ab")
    result = compared(tmp_path, a, b)
    assert (outcome_of(result)[0], result.equal, result.proven) == (ERROR, True, False)
    ((what, count),) = result.uncompared.items()
    assert (what.text, count) == ("draw, result[0] of builtins.generator at a.py:1", 2)


def test_a_divergence_is_one_whatever_else_was_not_compared(tmp_path):
    a = run(tmp_path, "a", [{"slot": 1, "end": "", "lines": [event(nc=[["x", "T"]])]}])
    b = run(tmp_path, "b", [{"slot": 1, "lines": [event(out={"result": "y"})]}])
    assert outcome_of(compared(tmp_path, a, b))[0] == DIVERGED


def test_whole_traces_are_read_with_their_families(tmp_path):
    a, b = (read_trace(run(tmp_path, name, [{"slot": 1}])) for name in "ab")
    assert list(a.children) == [".1"]
    assert compare(a, b).compared == 2
