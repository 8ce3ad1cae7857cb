"""A thread that draws from the global generators all the time changes no episode."""

from __future__ import annotations

import pytest

from sac.envs.factory import make_vector_env
from tests.unit.envs.fakes import actions, episode_seed, first_difference, rollout

pytestmark = pytest.mark.maniskill

DRAWING = """
import random, threading
import numpy as np, torch

stop = threading.Event()

def draw_all_the_time():
    while not stop.wait(1e-4):
        random.random(), np.random.rand(), torch.rand(()), random.seed(), np.random.seed()

threading.Thread(target=draw_all_the_time, daemon=True).start()
"""
STEPS = 6


@pytest.fixture
def drawing_thread(tmp_path, monkeypatch):
    """Yield the name of a module that starts such a thread in each process that imports it."""
    (tmp_path / "draws_all_the_time.py").write_text(DRAWING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    yield "draws_all_the_time"
    __import__("draws_all_the_time").stop.set()


@pytest.mark.parametrize(("env_id", "workers"), [("StackCube-v1", 0), ("PegInsertionSide-v1", 1)])
def test_a_thread_that_draws_meanwhile_changes_nothing(env_id, workers, drawing_thread):
    def play(imports: tuple[str, ...]) -> list:
        env = make_vector_env(env_id, 1, episode_seed, imports=imports, workers=workers, reconfiguration_freq=1)
        steps = actions(1, env.spec.action_dim, STEPS)
        played = [step for episode in range(3) for step in rollout(env, steps, episode)]
        env.close()
        return played

    assert first_difference(play(()), play((drawing_thread,))) is None
