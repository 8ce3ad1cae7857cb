"""How long runs are waited for."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sac.why import launch


@pytest.mark.parametrize("lasted, cut", [(0.0, launch.LATE), (600.0, "")])
def test_a_third_run_may_take_as_long_as_the_first_two_did(monkeypatch, lasted, cut):
    clock = itertools.count(0, 30.0)
    monkeypatch.setattr(launch.time, "monotonic", lambda: next(clock))
    answers = iter([False] * 50)
    monkeypatch.setattr(launch, "_ended_within", lambda runs, pause: next(answers, True))
    before, third = SimpleNamespace(status=0, lost="", poll=lambda: 0), SimpleNamespace(status=None, lost="", cut="")
    third.poll = lambda: None
    runs: list[Any] = [before, third]
    launch._watch(runs, [], launch.TracePlan(["true"], Path()), lasted)
    assert third.cut == cut


def test_what_the_command_calls_a_run_is_known_by_its_option():
    words = ["python", "train.py", "--out=runs/{run}", "--exp-name", "{run}", "hydra.dir=a={run}", "x{run}", "--seed=1"]
    assert launch.names_of(words, "2") == [["out", "runs/2"], ["exp-name", "2"], ["hydra.dir=a", "2"], ["", "x2"]]
