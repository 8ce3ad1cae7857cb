"""Counters are exact: equal work counts equal, and one call more is one more."""

from contextlib import ExitStack

import pytest
import torch

from sac.bench.workloads.cases import CASES
from sac.bench.workloads.counters import count
from sac.learner import factory
from sac.learner.sac import Learner

pytestmark = pytest.mark.usefixtures("one_thread")

COUNTED = [name for name, case in CASES.items() if case.counted and name != "update_4096"]


def counts(name, calls=3):
    with ExitStack() as stack:
        work = CASES[name].build(stack)
        for _ in range(calls):
            work()
        return count(work)


@pytest.mark.parametrize("name", COUNTED)
def test_the_same_benchmark_counts_the_same_twice(name):
    assert counts(name) == counts(name)


def test_an_update_that_a_gpu_can_take_has_no_host_sync(monkeypatch):
    """The kernels for a CPU read each optimizer's count of steps, which costs no wait there."""
    monkeypatch.setattr(factory, "learner_kind", lambda device: Learner)
    assert counts("update_256")["host_syncs"] == 0


# Planted work -> what rises by how much.
VALUES = torch.ones(10)
ROWS = torch.tensor([1, 2])
MASK = torch.ones(10, dtype=torch.bool)
PLANTED = {
    "item": (lambda: VALUES[0].item(), {"operations": 2, "host_syncs": 1}),
    "float": (lambda: float(VALUES.sum()), {"operations": 2, "host_syncs": 1, "allocations": 1, "bytes_allocated": 4}),
    "clone": (
        lambda: VALUES.clone(),
        {"operations": 1, "bytes_copied": 40, "allocations": 1, "bytes_allocated": 40},
    ),
    "gather": (
        lambda: VALUES.index_select(0, ROWS),
        {"operations": 1, "bytes_copied": 8, "allocations": 1, "bytes_allocated": 8},
    ),
    "in place": (lambda: VALUES.mul_(1), {"operations": 1}),
    "view": (lambda: VALUES[2:], {"operations": 1}),
    "empty": (lambda: torch.empty(5), {"operations": 1, "allocations": 1, "bytes_allocated": 20}),
    "masked": (
        lambda: VALUES[MASK],
        {"operations": 1, "host_syncs": 1, "bytes_copied": 40, "allocations": 1, "bytes_allocated": 40},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_work_is_counted(name):
    work, expected = PLANTED[name]
    found = count(work)
    assert {key: value for key, value in found.items() if value} == expected
