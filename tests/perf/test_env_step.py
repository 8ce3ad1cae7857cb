"""Env steps: ManiSkill in this process and in workers, ManiSkill's own functions and the quicker ones, the bare pool.

Timings only; that all of these give the same bits is tested in tests/unit/envs. For the peers see `env_step_peers`.
"""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest
import torch

from sac.envs.factory import make_single_env, make_vector_env
from sac.envs.maniskill import patches
from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.workers.pool import WorkerPool, resolve_workers
from sac.envs.workers.vector_env import PooledVectorEnv
from sac.streams import EpisodeSeeds
from tests.unit.envs.fakes import DrawingEnv, actions, episode_seed

TASKS = [("StackCube-v1", "pd_ee_delta_pos"), ("PushCube-v1", "pd_joint_delta_pos")]
ROUNDS = {"rounds": 20, "warmup_rounds": 2}


@pytest.fixture(autouse=True)
def _one_thread(benchmark):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    benchmark.extra_info["load"] = os.getloadavg()[0]
    yield
    torch.set_num_threads(threads)


@pytest.mark.maniskill
@pytest.mark.parametrize("workers", ["serial", "auto"])
def test_step_of_32_stack_cubes(benchmark, workers):
    count = resolve_workers(workers, 32)
    if workers == "auto" and not count:
        pytest.skip("one core: auto is serial")
    seeds = EpisodeSeeds(1, "train")
    options = {"control_mode": "pd_ee_delta_pos", "ignore_terminations": True}
    envs = make_vector_env("StackCube-v1", 32, seeds, workers=count, **options)
    try:
        envs.reset()
        played = iter(actions(32, envs.spec.action_dim, 30))
        benchmark.pedantic(lambda: envs.step(next(played)), **ROUNDS)
    finally:
        envs.close()


@pytest.mark.maniskill
@pytest.mark.parametrize("functions", ["own", "quick"])
@pytest.mark.parametrize(("env_id", "control_mode"), TASKS)
def test_step_of_one_environment(benchmark, env_id, control_mode, functions):
    env = make_single_env(env_id, control_mode=control_mode)
    (patches.install if functions == "quick" else patches.uninstall)()
    try:
        env.reset(1, 1)
        played = np.random.RandomState(0).uniform(-1, 1, (30, env.spec.action_dim)).astype(np.float32)
        benchmark.pedantic(lambda: [env.step(action) for action in played[:10]], **ROUNDS)
    finally:
        patches.install()
        env.close()


@pytest.mark.parametrize("count", [1, 2])
def test_round_trip_through_the_pool(benchmark, count):
    """What a step costs where the environments cost next to nothing."""
    make = functools.partial(DrawingEnv, isolated=False)
    envs = PooledVectorEnv(WorkerPool(count), make, count, episode_seed, owns_pool=True)
    try:
        envs.reset()
        (action,) = actions(count, envs.spec.action_dim, 1)
        benchmark.pedantic(lambda: envs.step(action), rounds=300, warmup_rounds=20)
    finally:
        envs.close()


def test_entering_and_leaving_private_generators(benchmark):
    """35 microseconds on an idle machine, where copying NumPy's state takes 140."""
    generators = IsolatedGenerators(1)

    def enter() -> None:
        with generators:
            pass

    benchmark.pedantic(enter, rounds=20, iterations=200)
