"""How many workers there are, and which environments each has."""

from __future__ import annotations

import socket
from multiprocessing.connection import Connection
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.envs import factory
from sac.envs.workers import pool
from sac.envs.workers.pool import WorkerPool, resolve_workers
from sac.envs.workers.vector_env import split
from sac.numerics import exact_functions, machine


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


class Answering(WorkerPool):
    """A pool without processes: whoever holds the other ends answers."""

    def __init__(self, count):
        pairs = [socket.socketpair() for _ in range(count)]
        self.ends = [Connection(theirs.detach()) for _, theirs in pairs]
        self._members = [SimpleNamespace(connection=Connection(ours.detach())) for ours, _ in pairs]
        self._stop = SimpleNamespace(alive=True)
        self._waiting, self._groups = {}, 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_an_answer_belongs_to_the_worker_that_gave_it_whoever_answers_first(monkeypatch, order):
    workers = Answering(3)
    workers.send({index: ("ask",) for index in range(3)})
    for index, end in enumerate(workers.ends):
        end.send(("done", f"of {index}"))
    connections = [workers._members[index].connection for index in order]
    # One at a time, in this order.
    monkeypatch.setattr(
        pool, "wait", lambda waiting, timeout=None: [next(one for one in connections if one in waiting)]
    )
    assert workers.receive() == {index: f"of {index}" for index in range(3)}


def test_workers_are_started_with_one_thread_for_each_library_and_without_a_gpu(monkeypatch):
    started = []
    monkeypatch.setattr(pool.subprocess, "Popen", lambda *command, **options: started.append(options))
    pool._start()
    (options,) = started
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        assert options["env"][name] == "1"
    assert options["env"]["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("mode", [0, 2])
def test_workers_are_told_this_processs_numerics(monkeypatch, exact, mode):
    told = []
    monkeypatch.setattr(factory, "WorkerPool", lambda *arguments: told.append(arguments[:3]))
    monkeypatch.setattr(exact_functions, "is_installed", lambda: exact)
    monkeypatch.setattr(torch, "get_deterministic_debug_mode", lambda: mode)
    factory.start_workers(3)
    assert told == [(3, mode, exact)]


def test_a_pool_configures_all_of_its_workers_alike_and_lets_one_speak(monkeypatch):
    asked = []
    monkeypatch.setattr(pool, "_start", lambda: None)
    monkeypatch.setattr(WorkerPool, "call", lambda self, requests: asked.append(requests))
    made = WorkerPool(3, debug_mode=2, exact=True)
    made._members.clear()
    assert asked == [{index: ("configure", 2, True, index > 0) for index in range(3)}]
