"""Two traces are aligned by identity, and the first event in the order of execution is found."""

from __future__ import annotations

import json

import pytest

from sac.why.causes import CAUSES, ISSUE
from sac.why.command import answer_json, text_of
from sac.why.compare import compare
from sac.why.trace import BadTrace, audit, read_trace
from sac.why.tracer.recorder import VERSION
from sac.why.verdict import judge


def line(number, name="draw", at=1, count=1, output="x", inputs=None, parent=0, **more):
    return {
        **{"n": number, "k": name, "f": name, "at": at, "c": count, "in": inputs or {}},
        **{"out": {"result": output}, "v": {}, "p": parent, "t": float(number), **more},
    }


def trace(folder, name, lines, end="end"):
    places = [
        {"place": at, "file": "a.py", "line": at, "function": "f", "chain": at, "aside": False, "direct": True}
        for at in range(1, 6)
    ]
    entries = [{"trace": VERSION, "root": str(folder)}, *places, *lines, *([{"end": end}] if end else [])]
    path = folder / name
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return read_trace(path)


def compared(folder, a, b, **more):
    return compare(trace(folder, "a.trace", a, **more), trace(folder, "b.trace", b, **more))


def test_equal_traces_are_equal(tmp_path):
    lines = [line(1), line(2, at=2)]
    result = compared(tmp_path, lines, lines)
    assert result.equal
    assert result.compared == 2


def test_the_first_event_is_first_in_execution_not_in_the_file(tmp_path):
    a = [line(2, at=2, output="p"), line(1, at=1, output="q")]
    b = [line(2, at=2, output="r"), line(1, at=1, output="s")]
    assert compared(tmp_path, a, b).divergence.event.a.number == 1


def test_an_extra_event_does_not_shift_the_rest(tmp_path):
    a = [line(1), line(2, at=2), line(3, at=3, output="p")]
    b = [line(1), line(2, at=4), line(3, at=2), line(4, at=3, output="q")]
    divergence = compared(tmp_path, a, b).divergence
    assert divergence.event.a.place.line == 3
    assert [event.place.line for event in divergence.alone] == [4]


def test_the_innermost_event_is_named_and_the_outer_one_kept(tmp_path):
    a = [line(1, "env.reset", output="p"), line(2, at=2, parent=1, output="p")]
    b = [line(1, "env.reset", output="q"), line(2, at=2, parent=1, output="q")]
    divergence = compared(tmp_path, a, b).divergence
    assert (divergence.event.a.number, divergence.outer.a.number) == (2, 1)


def test_unequal_inputs_are_told_from_unequal_outputs(tmp_path):
    a, b = [line(1, inputs={"x": "1"})], [line(1, inputs={"x": "2"})]
    assert not compared(tmp_path, a, b).divergence.inputs_equal
    assert compared(tmp_path, [line(1, output="1")], [line(1, output="2")]).divergence.inputs_equal


def test_a_source_that_differs_is_no_divergence(tmp_path):
    clock = {"s": 1, "shown": "1"}
    a, b = [line(1), line(2, "clock", output="p", **clock)], [line(1), line(2, "clock", output="q", **clock)]
    result = compared(tmp_path, a, b)
    assert result.equal
    assert [finding.kind for finding in audit(result.a)] == ["clock"]


def test_a_longer_run_is_a_divergence_only_if_both_ended(tmp_path):
    a, b = [line(1), line(2, at=2)], [line(1)]
    assert compared(tmp_path, a, b).divergence.control
    assert compared(tmp_path, a, b, end="limit").equal


def test_what_the_catalogue_lacks_is_called_unknown(tmp_path):
    a, b = [line(1, "env.step", output="1")], [line(1, "env.step", output="2")]
    cause = judge(compared(tmp_path, a, b)).cause
    assert (cause.name, cause.link, cause.link_label) == ("unknown", None, None)
    assert "known " not in text_of(compared(tmp_path, a, b))


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.name)
def test_only_a_thread_about_such_a_case_is_called_known(cause):
    expected = None if cause.link is None else "known" if cause.link == ISSUE else "docs"
    assert cause.link_label == expected


@pytest.mark.parametrize("a, b", [([], []), ([line(1)], [line(2, at=2)])])
def test_where_nothing_was_compared_equality_is_not_the_headline(tmp_path, a, b):
    result = compared(tmp_path, a, b, end="limit")
    assert text_of(result).startswith("nothing proved: 0 events compared")
    assert answer_json(result, judge(result))["equal"] is None


def test_where_the_command_failed_equality_is_not_the_headline(tmp_path):
    result = compared(tmp_path, [line(1)], [line(1)])
    assert text_of(result).startswith("equal: 1 events compared")
    result.failed = True
    assert text_of(result).startswith("nothing proved: 1 events compared")
    assert answer_json(result, judge(result))["equal"] is None


def thread(number, at, name=None, **more):
    return line(number, at=at, x={"thread": name} if name else {}, **more)


def suspected(comparison):
    return [(one.cause, one.place.line) for one in judge(comparison).search.suspects]


def test_inputs_that_differ_after_events_of_other_threads_make_their_order_suspect(tmp_path):
    a, b = ([thread(1, 1, "actor-0"), thread(2, 2, inputs={"x": value})] for value in "12")
    assert ("thread-order", 1) in suspected(compared(tmp_path, a, b))


def test_without_other_threads_their_order_is_not_suspect(tmp_path):
    a, b = ([thread(1, 1), thread(2, 2, inputs={"x": value})] for value in "12")
    assert "thread-order" not in dict(suspected(compared(tmp_path, a, b)))


def test_an_unfinished_last_line_is_left_out(tmp_path):
    trace(tmp_path, "a.trace", [line(1)], end="")
    with (tmp_path / "a.trace").open("a") as file:
        file.write('{"n": 2, "k": "dr')
    assert len(read_trace(tmp_path / "a.trace").flows) == 1


@pytest.mark.parametrize("content", ["", "{}\n", "nonsense\nmore\n"])
def test_what_is_no_trace_is_refused(tmp_path, content):
    path = tmp_path / "x.trace"
    path.write_text(content)
    with pytest.raises(BadTrace):
        read_trace(path)


@pytest.mark.parametrize("read_at, suspected", [(0.5, True), (9.0, False)], ids=["before", "after"])
def test_what_a_child_has_read_before_an_event_of_its_parent_may_have_parted_the_runs(tmp_path, read_at, suspected):
    sides = []
    for value in "pq":
        main = trace(tmp_path, f"{value}.trace", [line(1, "clock", s=1, shown="1"), line(2, output=value)])
        read = line(7, "hash", at=3, output=value, s=1, shown=value, t=read_at)
        main.children["1"] = trace(tmp_path, f"{value}.trace.child", [read])
        sides.append(main)
    divergence = compare(*sides).divergence
    assert [pair.a.kind for pair in divergence.sources] == ["hash"] * suspected


@pytest.mark.parametrize("times", [(1.0, 2.0, 3.0), (3.0, 2.0, 1.0), (2.0, 1.0, 3.0)])
def test_of_several_processes_that_part_the_first_in_time_is_named(tmp_path, times):
    sides = []
    for value in "pq":
        main = trace(tmp_path, f"{value}.trace", [line(1, output=value, t=times[0])])
        for label, time in zip("12", times[1:], strict=True):
            main.children[label] = trace(tmp_path, f"{value}.trace.{label}", [line(5, at=3, output=value, t=time)])
        sides.append(main)
    assert compare(*sides).divergence.event.a.time == min(times)
