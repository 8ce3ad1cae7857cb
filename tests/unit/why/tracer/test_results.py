"""What calls give is noted with what they were given; a run can be made to get it again."""

from __future__ import annotations

import ast
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from sac.why.tracer import results
from sac.why.tracer.force import Forced
from sac.why.tracer.place import Place

HERE = Place("train.py", 3, "work", 77, False, True)


class Trace:
    """In place of the recorder."""

    def __init__(self, own=()):
        self.sources, self.sites, self.clocks = [], {}, 0
        self.places = SimpleNamespace(find=lambda depth: HERE, tracer="/nowhere/", own=lambda name: name in own or None)
        self.busy = lambda: False
        self.quiet = nullcontext
        self.forced = self.sites.get

    def source(self, kind, name, value, shown, facts, place):
        self.sources.append((kind, name, value, facts))


@pytest.fixture
def trace():
    return Trace()


def result(trace, given=lambda value: value):
    return results.helpers(trace, given)[results.RESULT]


def wrapped(code):
    """Return the functions whose calls are wrapped."""
    found = []

    def note(function):
        found.append(getattr(function, "__name__", "?"))
        return function

    tree = ast.fix_missing_locations(results.Calling().visit(ast.parse(code)))
    exec(compile(tree, "train.py", "exec"), {results.RESULT: note})
    return found


def test_each_call_is_wrapped_but_for_what_needs_its_frame_or_never_differs():
    assert wrapped("max([1], key=abs); len([]); sorted(locals())") == ["max", "sorted"]


def test_super_without_arguments_still_finds_its_class():
    code = (
        "class A:\n    def f(self): return 5\nclass B(A):\n    def f(self): return super().f()\nassert B().f() == 5\n"
    )
    assert "f" in wrapped(code)


def test_equal_arguments_and_unlike_results_can_be_told(trace):
    numbers = iter((3, 4))
    call = result(trace)(numbers.__next__)
    assert (call(), call()) == (3, 4)
    (_, name, one, before), (_, _, other, after) = trace.sources
    assert name.endswith("__next__")
    assert one != other
    assert before["in"] == after["in"]


def test_what_an_object_holds_is_an_argument_of_its_methods(trace):
    owner = [1, 2]
    result(trace)(owner.count)(1)
    owner.append(1)
    result(trace)(owner.count)(1)
    assert trace.sources[0][3]["in"] != trace.sources[1][3]["in"]


def test_it_is_noted_whether_arguments_could_be_read_and_whether_a_library_read_the_clock(trace):
    def dated(_):
        trace.clocks += 1
        return 5

    call = result(trace)
    call(max)(iter([1, 2]))
    call(max)([1, 2])
    call(dated)([1, 2])
    assert [{"unread", "timed"} & facts.keys() for *_, facts in trace.sources] == [{"unread"}, set(), {"timed"}]


def test_a_recorded_result_is_given_again_at_its_turn(trace):
    result(trace)(divmod)(17, 5)
    (_, name, _, facts), kept = trace.sources[0], trace.sources[0][3]["kept"]
    entry = {"kind": f"result:{name}", "file": "train.py", "line": 3, "values": {facts["at"]: kept}}
    trace.forced = lambda kind: Forced(f"[{_json(entry)}]").at(kind, HERE)
    call = result(trace)
    assert [call(divmod)(99, 5), call(divmod)(99, 5)] == [(3, 2), (19, 4)]


def test_a_long_setting_is_read_from_a_file(tmp_path):
    entry = {"kind": "result:x", "file": "train.py", "line": 3, "values": {"1:1": "x"}}
    (tmp_path / "force.json").write_text(f"[{_json(entry)}]")
    assert Forced(f"@{tmp_path / 'force.json'}").at("result:x", HERE).values == {"1:1": "x"}


def test_functions_of_the_user_s_own_are_left_to_their_own_lines():
    def own():
        return 5

    class Own:
        def __init__(self):
            self.x = 5

    call = result(Trace(own={__file__}))
    assert call(own) is own
    assert call(Own) is Own


def test_a_set_that_is_handed_over_is_noted_also_within_a_list(trace):
    seen = []

    def given(value):
        if isinstance(value, set):
            seen.append(value)
            return results.SortedSet(sorted(value))
        return value

    call = result(trace, given)
    assert call(list)({3, 1, 2}) == [1, 2, 3]
    assert call(max)([{3, 1}, {2}], key=len) == {1, 3}
    assert seen == [{3, 1, 2}, {3, 1}, {2}]


def test_methods_of_a_set_are_not_told_of_another_order(trace):
    call = result(trace, lambda value: pytest.fail("a set's own method has no order"))
    assert call({1, 2}.union)({3}) == {1, 2, 3}


def test_a_set_with_an_order_is_a_set_with_that_order():
    ordered = results.SortedSet(["b", "a"])
    assert (list(ordered), ordered == {"a", "b"}, isinstance(ordered, set)) == (["b", "a"], True, True)


def test_what_can_t_be_read_is_not_noted(trace):
    result(trace)(iter)([1])
    assert not trace.sources


def test_no_more_time_than_allowed_is_spent_on_reading(trace, monkeypatch):
    monkeypatch.setattr(results, "_clock", iter(range(0, 10_000, 20)).__next__)
    call = result(trace)
    for _ in range(5):
        call(divmod)(17, 5)
    assert len(trace.sources) == 1


def _json(entry):
    return repr(entry).replace("'", '"')
