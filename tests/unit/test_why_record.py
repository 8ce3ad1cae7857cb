"""The recorder never stops a script, and says what it could not read."""

from __future__ import annotations

from pathlib import Path

from sac.why.record import Recorder
from sac.why.trace import read_trace


class Stubborn(dict):
    def __getitem__(self, name):
        raise RuntimeError("no")


def recorder(folder: Path) -> Recorder:
    made = Recorder(str(folder / "a.trace"), str(Path(__file__).parent))
    made.open({})
    return made


def test_what_cannot_be_read_does_not_stop_the_script(tmp_path):
    made = recorder(tmp_path)
    call = made.flow("draw", "f", lambda: 7, lambda: ({"x": Stubborn(a=1)}, {}), lambda result: {"y": Stubborn(b=1)})
    made.close()
    (event,) = read_trace(tmp_path / "a.trace").flows
    assert call == 7
    assert (dict(event.inputs), dict(event.outputs)) == ({"unreadable": ""}, {"unreadable": ""})


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
