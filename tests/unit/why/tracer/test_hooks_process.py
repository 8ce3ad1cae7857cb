"""Whose functions run in a process tells whether it may change what the user's processes share."""

from __future__ import annotations

import multiprocessing
from types import SimpleNamespace

import pytest

from sac.why.tracer.hooks_process import _own_function


def work(*_):
    """Stands for a function of the user's own."""


class Worker(multiprocessing.Process):
    def run(self):
        """Stands for a method of the user's own."""


RECORDER = SimpleNamespace(places=SimpleNamespace(own=lambda file: "mine.py" if file == __file__ else None))


@pytest.mark.parametrize(
    "process, own",
    [
        pytest.param(multiprocessing.Process(target=work), True, id="its target"),
        pytest.param(Worker(), True, id="its own run"),
        pytest.param(
            multiprocessing.Process(target=multiprocessing.active_children, args=(work, 1)), True, id="passed on"
        ),
        pytest.param(multiprocessing.Process(target=multiprocessing.active_children), False, id="a library's"),
        pytest.param(multiprocessing.Process(), False, id="nothing"),
    ],
)
def test_a_process_runs_a_function_of_the_users_own(process, own):
    assert _own_function(RECORDER, process) is own
