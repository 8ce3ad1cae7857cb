"""A worker computes as its parent does, but on one thread."""

from __future__ import annotations

import pytest
import torch

from sac.envs.workers.process import EnvWorker
from sac.native import exact_reciprocals
from sac.numerics import exact_functions


@pytest.fixture
def worker():
    """A worker in this process, which is put back as it was."""
    threads, mode, exact = torch.get_num_threads(), torch.get_deterministic_debug_mode(), exact_functions.is_installed()
    yield EnvWorker(None)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)
    exact_functions.install(exact)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("mode", [0, 2])
def test_a_worker_takes_its_parents_numerics_and_one_thread(worker, monkeypatch, exact, mode):
    asked = []
    monkeypatch.setattr(exact_reciprocals, "install", asked.append)
    torch.set_num_threads(3)
    torch.set_deterministic_debug_mode(2 - mode)
    exact_functions.install(not exact)
    assert worker.answer(("configure", mode, exact, True)) == ("done", None)
    assert torch.get_num_threads() == 1
    assert torch.get_deterministic_debug_mode() == mode
    assert exact_functions.is_installed() is exact
    assert asked == [exact]
