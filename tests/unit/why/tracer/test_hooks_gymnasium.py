"""What hooked methods of environments hold can be sent to workers, whose own takes its place there."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from sac.why.tracer import hooks_gymnasium
from sac.why.tracer.hooks_gymnasium import _Environments


@pytest.mark.parametrize("level", ["env", "vector"])
def test_what_a_hooked_method_holds_is_the_workers_own_there(level, monkeypatch):
    here, there = (_Environments(SimpleNamespace()) for _ in range(2))
    sent = pickle.dumps((here, here.inside[level]))
    monkeypatch.setattr(hooks_gymnasium, "_environments", [there])
    environments, inside = pickle.loads(sent)
    assert environments is there
    assert inside is there.inside[level]
