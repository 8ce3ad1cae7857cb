"""Benchmarks time what a training runs on this machine, in whatever revision."""

import pytest
import torch

from sac.bench.workloads import cases
from sac.learner import factory
from sac.learner.factory import learner_kind
from sac.learner.sac import Learner

pytestmark = pytest.mark.usefixtures("one_thread")


def test_updates_are_timed_with_the_learner_that_trains_here():
    assert type(cases.make_learner(8)) is learner_kind(torch.device("cpu"))


def test_another_choice_of_the_factory_is_timed(monkeypatch):
    class Another(Learner):
        pass

    monkeypatch.setattr(factory, "learner_kind", lambda device: Another)
    assert type(cases.make_learner(8)) is Another


def test_a_revision_that_had_no_choice_is_timed_with_its_only_learner(monkeypatch):
    load = cases.load

    def without_factory(name):
        if name == "sac.learner.factory":
            raise ModuleNotFoundError(name)
        return load(name)

    monkeypatch.setattr(cases, "load", without_factory)
    assert type(cases.make_learner(8)) is Learner
