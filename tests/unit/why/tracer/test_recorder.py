"""The recorder never stops a script, and says what it could not read."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from sac.why.trace import read_trace
from sac.why.tracer import generators
from sac.why.tracer.hooks_gymnasium import _Environments
from sac.why.tracer.recorder import Recorder


def refuse():
    raise RuntimeError("no")


def recorder(folder: Path) -> Recorder:
    made = Recorder(str(folder / "a.trace"), str(Path(__file__).parent))
    made.open({})
    return made


def test_what_cannot_be_read_does_not_stop_the_script(tmp_path):
    made = recorder(tmp_path)
    call = made.flow("draw", "f", lambda: 7, refuse, lambda result: refuse())
    made.close()
    (event,) = read_trace(tmp_path / "a.trace").flows
    assert call == 7
    assert (dict(event.inputs), dict(event.outputs)) == ({"unreadable": ""}, {"unreadable": ""})
    assert event.uncompared == (("", "unreadable"), ("", "unreadable"))


def test_what_can_not_be_compared_is_written_with_its_place(tmp_path):
    made = recorder(tmp_path)
    made.flow("draw", "f", lambda: {"b": iter([1])}, lambda: ({"x": 1}, {}))
    made.close()
    (event,) = read_trace(tmp_path / "a.trace").flows
    assert event.uncompared == (("result.b", "builtins.list_iterator"),)


def test_no_process_writes_into_the_trace_of_another(tmp_path):
    first, second = recorder(tmp_path), recorder(tmp_path)
    for made, count in ((first, 3), (second, 1)):
        for _ in range(count):
            made.flow("draw", "f", lambda: 1, lambda: ({}, {}))
        made.close()
    assert len(read_trace(tmp_path / "a.trace").flows) == 3
    assert len(list(tmp_path.glob("a.trace.*"))) == 1


def test_an_error_of_the_script_is_its_own_and_leaves_no_event(tmp_path):
    made = recorder(tmp_path)
    try:
        made.flow("draw", "f", lambda: 1 / 0, lambda: ({}, {}))
    except ZeroDivisionError:
        made.flow("draw", "g", lambda: 1, lambda: ({}, {}))
    made.close()
    assert [event.name for event in read_trace(tmp_path / "a.trace").flows] == ["g"]


def test_inside_of_an_event_that_is_one_whole_nothing_is_written(tmp_path):
    made = recorder(tmp_path)

    def outer():
        return made.within()

    assert made.flow("draw", "f", outer, lambda: ({}, {}))
    assert not made.within()
    assert not made.flow("env.step", "f", outer, lambda: ({}, {}), whole=False)
    made.close()


def test_the_same_line_counts_its_events(tmp_path):
    made = recorder(tmp_path)
    for _ in range(3):
        made.flow("draw", "f", lambda: 1, lambda: ({}, {}))
    made.close()
    assert [event.occurrence for event in read_trace(tmp_path / "a.trace").flows] == [1, 2, 3]


def test_sources_of_one_line_are_bounded(tmp_path):
    made = recorder(tmp_path)
    for number in range(500):
        made.source("clock", "time", number)
    made.close()
    assert len(read_trace(tmp_path / "a.trace").sources) == 100


def elements(thing, seen=None):
    """How many elements all the containers hold that can be reached from an object."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        return len(thing) + sum(elements(part, seen) for pair in thing.items() for part in pair)
    if isinstance(thing, (list, tuple, set, deque)):
        return len(thing) + sum(elements(part, seen) for part in thing)
    return elements(vars(thing), seen) if hasattr(thing, "__dict__") and not isinstance(thing, type) else 0


class Env:
    """As much of an environment as its name takes."""


def elements_after(made: Recorder, events: int) -> int:
    """What the tracer holds in memory after so many events of each sort, at the same lines."""
    environments = _Environments(made)
    for number in range(events):
        made.flow("draw", "f", lambda: number, lambda: ({"x": number}, {"generator": "g"}))  # noqa: B023
        made.source("clock", "time", number)
        made.remember_entropy(number.to_bytes(16, "big"))
        environments.name(Env())
    return elements([vars(made), vars(environments), vars(made._local)])


FULL = 500
"""So many events that whatever is bounded is full."""


@pytest.fixture
def short_memory(monkeypatch):
    """What remembers the newest 4096 of its kind remembers fewer: as many events take seconds."""
    assert generators._REMEMBERED > FULL
    monkeypatch.setattr(generators, "_REMEMBERED", FULL - 100)


@pytest.mark.usefixtures("short_memory")
def test_memory_does_not_grow_with_the_events(tmp_path):
    few, many = (elements_after(recorder(tmp_path), number) for number in (FULL, 2 * FULL))
    assert few == many


class Hoarder(Recorder):
    """The planted fault: it remembers the occurrence of every event."""

    def _begin(self, kind, name, place):
        event = super()._begin(kind, name, place)
        self.__dict__.setdefault("all", []).append(event["c"])
        return event


@pytest.mark.usefixtures("short_memory")
def test_memory_that_grew_with_the_events_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.unit.why.tracer.test_recorder.Recorder", Hoarder)
    few, many = (elements_after(recorder(tmp_path), number) for number in (FULL, FULL + 100))
    assert many - few == 200
