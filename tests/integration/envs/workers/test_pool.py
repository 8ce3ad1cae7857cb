"""Worker processes: the bits of serial stepping, one clear fault, and nothing left behind."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.envs.errors import BadEnvironment
from sac.envs.factory import make_single_env
from sac.envs.protocol import EnvironmentFault, SplitStep
from sac.envs.serial import SerialVectorEnv
from sac.envs.workers import pool as pool_module
from sac.envs.workers.pool import WorkerPool
from sac.envs.workers.vector_env import PooledVectorEnv
from sac.native import exact_reciprocals
from tests.examples import some_of
from tests.integration.envs.workers.fakes import (
    DIE,
    HANG,
    RAISE,
    FaultyEnv,
    ReportingEnv,
    fail_to_build,
    refuse_to_build,
    shared_pool,
)
from tests.integration.watching import is_running
from tests.unit.envs.fakes import (
    FAKE_STEPS,
    DrawingEnv,
    actions,
    episode_seed,
    first_difference,
    other_episode_seed,
    rollout,
)

AT_ONCE = 10.0
"""Seconds within which a fault is raised; an endless wait is what this guards against."""
careless = functools.partial(DrawingEnv, isolated=True, terminate_at=3)


def faulty(num_envs: int = 5, count: int = 2) -> PooledVectorEnv:
    """Faulty environments in workers of their own; 5 on 2 workers are 0-1 and 2-4."""
    return PooledVectorEnv(WorkerPool(count), FaultyEnv, num_envs, episode_seed, owns_pool=True)


def act(env: PooledVectorEnv, index: int, value: float) -> None:
    action = torch.zeros(env.num_envs, 2)
    action[index, 0] = value
    env.step(action)


def gone(pids: list[int], seconds: float = AT_ONCE) -> bool:
    deadline = time.monotonic() + seconds
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def open_files() -> list[str]:
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return sorted(os.readlink(link).split(":")[0] for link in links if os.path.lexists(link))


@given(num_envs=st.integers(1, 7), ignore=st.booleans(), frequency=st.integers(0, 2), seed=st.integers(0, 99))
@settings(max_examples=15)
def test_every_number_of_workers_gives_the_bits_of_serial_stepping(num_envs, ignore, frequency, seed):
    options = {"ignore_terminations": ignore, "reconfiguration_freq": frequency}
    steps = actions(num_envs, 2, 3 * FAKE_STEPS, seed)
    alone = SerialVectorEnv([careless() for _ in range(num_envs)], episode_seed, **options)
    serial = rollout(alone, steps)
    for count in (1, 3):
        pooled = PooledVectorEnv(shared_pool(count), careless, num_envs, episode_seed, **options)
        assert first_difference(serial, rollout(pooled, steps)) is None
        assert pooled.episodes.tolist() == alone.episodes.tolist() and pooled.episodes.any()
        pooled.close()


def test_environments_that_share_a_generator_differ_from_serial_stepping():
    """Negative control: without isolation the environments of one process disturb each other, and W matters."""
    make = functools.partial(DrawingEnv, isolated=False)
    steps = actions(4, 2, FAKE_STEPS)
    one, three = (PooledVectorEnv(shared_pool(count), make, 4, episode_seed) for count in (1, 3))
    assert first_difference(rollout(one, steps), rollout(three, steps)) is not None


@pytest.mark.parametrize(("frequency", "scenes"), [(0, [0, 0, 0, 0]), (1, [0, 1, 2, 3]), (2, [0, 0, 2, 2])])
def test_a_worker_is_given_the_seeds_of_its_own_environments(frequency, scenes):
    env = PooledVectorEnv(shared_pool(3), ReportingEnv, 4, episode_seed, reconfiguration_freq=frequency)
    batches = rollout(env, actions(4, 2, 3 * FAKE_STEPS))
    begun = [env.reset()[0], *(batch.observation for batch in batches if bool(batch.truncated.all()))]
    for episode, (observation, scene) in enumerate(zip(begun, scenes, strict=True)):
        expected = [[episode_seed(i, episode), episode_seed(i, scene)] for i in range(4)]
        assert observation[:, :2].tolist() == expected


def test_a_worker_has_one_thread_and_no_gpu():
    observation, _ = PooledVectorEnv(shared_pool(1), ReportingEnv, 1, episode_seed).reset()
    assert observation[0, 2] == 1


def test_workers_step_while_something_else_is_done():
    """They have answered before anybody asks for the answer; in one process nothing can be done meanwhile."""
    steps = actions(3, 2, 2 * FAKE_STEPS)
    env, same = (PooledVectorEnv(shared_pool(2), careless, 3, episode_seed) for _ in range(2))
    env.reset()
    begun = []
    for action in steps:
        env.begin_step(action)
        assert all(member.connection.poll(AT_ONCE) for member in env._pool._members[:2])
        begun.append(env.end_step())
    assert first_difference(begun, rollout(same, steps)) is None
    assert isinstance(env, SplitStep)
    assert not isinstance(SerialVectorEnv([careless()], episode_seed), SplitStep)


def test_a_step_that_was_begun_must_be_ended_first():
    env = PooledVectorEnv(WorkerPool(1), careless, 1, episode_seed, owns_pool=True)
    env.reset()
    env.begin_step(torch.zeros(1, 2))
    with pytest.raises(RuntimeError, match="interrupted"):
        env.begin_step(torch.zeros(1, 2))
    env.close()


@pytest.mark.parametrize("value", [RAISE, DIE])
def test_a_worker_that_fails_while_something_else_is_done_is_reported_at_the_end_of_the_step(value):
    env = faulty()
    env.reset()
    pids = env._pool.pids
    action = torch.zeros(5, 2)
    action[3, 0] = value
    env.begin_step(action)
    with pytest.raises(EnvironmentFault, match=r"environment 3|environments 2 to 4 failed while being stepped"):
        env.end_step()
    assert gone(pids, AT_ONCE)


def test_vectors_that_share_workers_do_not_feel_each_other():
    steps = actions(3, 2, 2 * FAKE_STEPS)
    alone = rollout(PooledVectorEnv(shared_pool(3), careless, 3, episode_seed), steps)
    env, other = (PooledVectorEnv(shared_pool(3), careless, n, episode_seed) for n in (3, 7))
    env.reset(), other.reset(episode=5)
    together = []
    for step, noise in zip(steps, actions(7, 2, 2 * FAKE_STEPS), strict=True):
        other.step(noise)
        together.append(env.step(step))
    other.close()
    assert first_difference(alone, together) is None
    assert first_difference(alone, rollout(env, steps)) is None
    changed = PooledVectorEnv(shared_pool(3), careless, 3, other_episode_seed)
    assert first_difference(alone, rollout(changed, steps)) is not None


def test_a_worker_that_raises_names_the_environment_and_ends_all_of_them():
    env = faulty()
    env.reset()
    pids, start = env._pool.pids, time.monotonic()
    with pytest.raises(EnvironmentFault, match=r"environment 3, episode 0, step 1: step failed: the gripper fell off"):
        act(env, 3, RAISE)
    assert time.monotonic() - start < AT_ONCE and gone(pids)
    with pytest.raises(RuntimeError, match="make new ones"):
        act(env, 0, 0.0)
    env.close()


def test_a_worker_that_dies_in_a_step_names_its_environments_at_once():
    env = faulty()
    env.reset()
    pids, start = env._pool.pids, time.monotonic()
    action = torch.zeros(5, 2)
    # The other worker would answer only after ten minutes: nobody waits for it.
    action[0, 0], action[4, 0] = HANG, DIE
    with pytest.raises(EnvironmentFault, match=r"environments 2 to 4 failed while being stepped: .*SIGKILL"):
        env.step(action)
    assert time.monotonic() - start < AT_ONCE and gone(pids)


def test_a_worker_killed_between_steps_is_noticed_at_the_next_one():
    env = faulty(num_envs=2)
    env.reset()
    os.kill(env._pool.pids[1], signal.SIGTERM)
    with pytest.raises(EnvironmentFault, match=r"environment 1 failed while being stepped: .*killed by SIGTERM"):
        act(env, 0, 0.0)
    assert gone(env._pool.pids)


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (fail_to_build, EnvironmentFault, r"environments 0 to 1 failed while being built: ZeroDivisionError: no mass"),
        (refuse_to_build, BadEnvironment, r"^--env_id 'Nothing-v1' is not known$"),
    ],
)
def test_environments_that_cannot_be_built_say_why(make, kind, text):
    pool = WorkerPool(1)
    with pytest.raises(kind, match=text) as caught:
        PooledVectorEnv(pool, make, 2, episode_seed, owns_pool=True)
    assert f"in {make.__name__}" in str(caught.value.__cause__), "the worker's traceback is shown"
    assert gone(pool.pids)


def test_what_cannot_be_sent_to_a_worker_is_refused_without_hanging():
    pool = WorkerPool(1)
    with pytest.raises((AttributeError, TypeError), match=r"lambda|pickle"):
        PooledVectorEnv(pool, lambda: DrawingEnv(isolated=True), 1, episode_seed, owns_pool=True)
    assert gone(pool.pids)


def test_a_worker_that_cannot_start_is_one_fault(monkeypatch):
    monkeypatch.setattr(pool_module, "_BOOT", "raise SystemExit(3)")
    with pytest.raises(EnvironmentFault, match=r"worker 0 of 1 failed to start: .* ended with status 3"):
        WorkerPool(1)


def test_bad_actions_are_refused():
    env = PooledVectorEnv(shared_pool(3), careless, 3, episode_seed)
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(2, 3\), expected \(3, 2\)"):
        env.step(torch.zeros(2, 3))
    env = faulty(2)
    env.reset()
    with pytest.raises(EnvironmentFault, match=r"environment 1, .* of action are not finite"):
        act(env, 1, float("nan"))


def test_after_an_interrupted_call_no_stale_answer_is_taken_for_a_new_one(monkeypatch):
    env = faulty(2)
    env.reset()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pool_module, "wait", lambda *waiting: (_ for _ in ()).throw(KeyboardInterrupt))
        act(env, 0, 0.0)
    with pytest.raises(RuntimeError, match="interrupted"):
        act(env, 0, 0.0)
    env.close()
    assert gone(env._pool.pids)


def test_closing_leaves_no_process_memory_or_descriptor():
    before, shared_memory = open_files(), os.listdir("/dev/shm")
    env = faulty()
    env.reset()
    pids = env._pool.pids
    assert all(is_running(pid) for pid in pids) and open_files() != before
    env.close()
    env.close()
    del env
    assert gone(pids, 0) and open_files() == before and os.listdir("/dev/shm") == shared_memory


def test_a_hung_worker_does_not_keep_its_parent_from_closing(monkeypatch):
    monkeypatch.setattr(pool_module, "PATIENCE", 0.1)
    env = faulty(1, 1)
    env.reset()
    env._shared.action[0, 0] = HANG
    env._pool.send({0: ("step", env._key)})
    env.close()
    assert gone(env._pool.pids, 0)


PARENT = """
import os, signal, sys, torch
from sac.envs.workers.vector_env import PooledVectorEnv
from sac.envs.workers.pool import WorkerPool
from tests.integration.envs.workers import fakes
from tests.unit.envs.fakes import episode_seed

# Whoever started the tests in the background had Ctrl-C ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
env = PooledVectorEnv(WorkerPool(2), getattr(fakes, sys.argv[1]), 2, episode_seed)
env.reset()
try:
    print(*env._pool.pids, flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    env.step(torch.zeros(2, 2))
    print("the workers went on", flush=True)
    env.close()
    sys.exit(0)
env.step(torch.full((2, 2), fakes.HANG))
"""


def start_parent(make: str, folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A process that starts two workers, and hangs in a step when its standard input is closed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, make],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[4],
        env={**os.environ, "HANGS": str(folder)},
    )
    return parent, [int(pid) for pid in parent.stdout.readline().split()]


def kill_parent(parent: subprocess.Popen[str], pids: list[int], folder: Path, in_step: bool) -> None:
    """Kill the parent, in a step or between two."""
    if in_step:
        parent.stdin.close()
        while not all((folder / str(pid)).exists() for pid in pids):
            time.sleep(0.02)
    assert len(pids) == 2 and all(is_running(pid) for pid in pids)
    parent.kill()
    parent.wait()


@pytest.mark.parametrize("make, in_step", some_of(list(product(["FaultyEnv", "DeafEnv"], [False, True])), 2))
def test_workers_end_when_their_parent_is_killed(make, in_step, tmp_path):
    parent, pids = start_parent(make, tmp_path)
    kill_parent(parent, pids, tmp_path, in_step)
    assert gone(pids)


def test_a_worker_that_is_stopped_ends_when_its_parent_is_killed(tmp_path):
    parent, pids = start_parent("FaultyEnv", tmp_path)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    kill_parent(parent, pids, tmp_path, in_step=False)
    assert gone(pids)


def stopped(monkeypatch, asked):
    """Environments on two workers of which the second is stopped; the step that waits for it asks `asked`."""
    pool = WorkerPool(2, asked_to_stop=lambda: pool_module.GLANCE < 1 and asked(pool))
    env = PooledVectorEnv(pool, FaultyEnv, 2, episode_seed, owns_pool=True)
    env.reset()
    monkeypatch.setattr(pool_module, "GLANCE", 0.02)
    os.kill(pool.pids[1], signal.SIGSTOP)
    return env, pool.pids


def test_a_stopped_worker_is_waited_for(monkeypatch):
    looks = []

    def go_on(pool):
        looks.append(1)
        os.kill(pool.pids[1], signal.SIGCONT)
        return False

    env, _ = stopped(monkeypatch, go_on)
    env.step(torch.zeros(2, 2))
    assert looks
    env.close()


def test_a_stopped_worker_is_not_waited_for_once_the_run_was_asked_to_stop(monkeypatch):
    env, pids = stopped(monkeypatch, lambda pool: True)
    with pytest.raises(EnvironmentFault, match=rf"environment 1 failed .* \(pid {pids[1]}\) is stopped \(SIGSTOP\)"):
        env.step(torch.zeros(2, 2))
    assert gone(pids)


def test_closing_does_not_wait_for_a_stopped_worker(monkeypatch):
    monkeypatch.setattr(pool_module, "GLANCE", 0.02)
    pool = WorkerPool(2)
    env = PooledVectorEnv(pool, FaultyEnv, 2, episode_seed)
    os.kill(pool.pids[1], signal.SIGSTOP)
    env.close()
    assert gone(pool.pids) and not pool.alive


def test_a_worker_that_hangs_is_not_waited_for_forever_once_the_run_was_asked_to_stop(monkeypatch):
    env = PooledVectorEnv(WorkerPool(2, asked_to_stop=lambda: True), FaultyEnv, 2, episode_seed, owns_pool=True)
    env.reset()
    monkeypatch.setattr(pool_module, "GLANCE", 0.02)
    monkeypatch.setattr(pool_module, "LONGEST_STEP", 0.1)
    with pytest.raises(EnvironmentFault, match=r"environment 0 failed .* has not answered for 0 seconds"):
        act(env, 0, HANG)


def test_a_worker_that_does_not_notice_its_parents_end_would_be_seen(tmp_path):
    """Negative control of the test above."""
    parent, pids = start_parent("CutOffEnv", tmp_path)
    kill_parent(parent, pids, tmp_path, in_step=True)
    try:
        assert not gone(pids, 0.5)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def test_an_interrupt_from_the_terminal_leaves_the_workers_to_their_parent(tmp_path):
    parent, pids = start_parent("FaultyEnv", tmp_path)
    os.killpg(parent.pid, signal.SIGINT)
    output, _ = parent.communicate(timeout=30)
    assert "the workers went on" in output and parent.returncode == 0 and gone(pids)


def one_cube(exact: bool) -> PooledVectorEnv:
    """PushCube-v1 in a worker that was told to compute exactly, or not to."""
    pool = WorkerPool(1, exact=exact)
    make = functools.partial(make_single_env, "PushCube-v1")
    return PooledVectorEnv(pool, make, 1, episode_seed, owns_pool=True)


@pytest.mark.maniskill
@pytest.mark.parametrize("forgot", [True, False], ids=["forgot", "did"])
def test_a_worker_that_forgot_to_make_its_simulator_exact_is_refused(monkeypatch, forgot):
    monkeypatch.setattr(exact_reciprocals, "_wanted", True)
    if forgot:
        with pytest.raises(EnvironmentFault, match="worker 0 computes with the CPU's own approximate reciprocals"):
            one_cube(exact=False)
    else:
        one_cube(exact=True).close()


def test_a_worker_without_a_simulator_has_nothing_to_make_exact(monkeypatch):
    monkeypatch.setattr(exact_reciprocals, "_wanted", True)
    PooledVectorEnv(WorkerPool(1), careless, 1, episode_seed, owns_pool=True).close()
