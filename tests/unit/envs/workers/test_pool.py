"""How many workers there are, and which environments each has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.envs.workers.pool import resolve_workers
from sac.envs.workers.vector_env import split
from sac.numerics import machine


@given(num_envs=st.integers(1, 200), count=st.integers(1, 64))
def test_shares_are_neighbours_of_nearly_equal_size(num_envs, count):
    shares = split(num_envs, count)
    assert [index for share in shares for index in share] == list(range(num_envs))
    sizes = [len(share) for share in shares]
    assert len(sizes) == min(count, num_envs) and max(sizes) - min(sizes) <= 1 and min(sizes) >= 1


@pytest.mark.parametrize(
    ("asked", "cores", "num_envs", "count"),
    [
        ("serial", 8, 32, 0),
        (0, 8, 32, 0),
        (3, 1, 32, 3),
        (9, 8, 4, 4),
        ("auto", 8, 32, 8),
        ("auto", 8, 3, 3),
        # One worker would do what this process can do itself.
        ("auto", 1, 32, 0),
        ("auto", 8, 1, 0),
    ],
)
def test_the_number_of_workers_follows_from_cores_and_environments(monkeypatch, asked, cores, num_envs, count):
    monkeypatch.setattr(machine, "usable_cores", lambda: cores)
    assert resolve_workers(asked, num_envs) == count
