"""Properties that every vector environment has; a table of environments at the top.

tests/integration/envs/test_protocol.py runs the same tests on environments in worker processes.
"""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.envs.point import PointVectorEnv
from sac.envs.protocol import NO_RESET
from sac.envs.serial import SerialVectorEnv
from tests.examples import fewer
from tests.unit.envs.fakes import (
    DrawingEnv,
    actions,
    episode_seed,
    first_difference,
    global_states,
    other_episode_seed,
    rollout,
)

DRAWING = functools.partial(DrawingEnv, isolated=True, terminate_at=3)
ENVIRONMENTS = {
    "point": lambda n, seed, ignore: PointVectorEnv(n, seed, ignore_terminations=ignore),
    "serial": lambda n, seed, ignore: SerialVectorEnv([DRAWING() for _ in range(n)], seed, ignore_terminations=ignore),
}


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def make(request):
    """Makes a vector environment of a number of environments, from their seeds."""
    return ENVIRONMENTS[request.param]


FIELDS = ("observation", "next_observation", "reward", "terminated", "truncated", "success", "fail", "reset_seed")


def play(make, num_envs=3, steps=45, seed=0, ignore=False, seeds=episode_seed):
    env = make(num_envs, seeds, ignore)
    return env, rollout(env, actions(num_envs, env.spec.action_dim, steps, seed))


def test_shapes_and_types_are_as_promised(make):
    env, batches = play(make)
    observation, seeds = env.reset()
    assert observation.shape == (3, env.spec.observation_dim) and observation.dtype == torch.float32
    assert seeds.tolist() == [episode_seed(i, 0) for i in range(3)] and seeds.dtype == torch.int64
    for field, dtype in zip(FIELDS, [torch.float32] * 3 + [torch.bool] * 4 + [torch.int64], strict=True):
        tensor = getattr(batches[0], field)
        assert tensor.dtype == dtype and tensor.shape[0] == 3, field


@pytest.mark.parametrize("ignore", [True, False])
def test_an_ended_episode_is_followed_by_the_next_one_from_its_own_seed(make, ignore):
    env, batches = play(make, ignore=ignore)
    episodes = [0, 0, 0]
    for batch in batches:
        for i in range(3):
            ended = bool(batch.terminated[i] | batch.truncated[i])
            episodes[i] += ended
            assert int(batch.reset_seed[i]) == (episode_seed(i, episodes[i]) if ended else NO_RESET)
            assert not (ignore and batch.terminated[i])
            same = torch.equal(batch.observation[i], batch.next_observation[i])
            assert same is not ended
    assert env.episodes.tolist() == episodes and min(episodes) >= 2


def test_the_observation_after_an_auto_reset_is_that_of_an_explicit_reset(make):
    _, batches = play(make)
    batch = next(b for b in batches if int(b.reset_seed[1]) != NO_RESET)
    fresh, _ = make(3, episode_seed, False).reset(episode=1)
    assert torch.equal(fresh[1], batch.observation[1])


def test_the_final_observation_is_the_true_successor(make):
    """The negative control of the one above: ignoring terminations shows what the ended episode really saw."""
    _, ended = play(make, steps=3)
    _, going_on = play(make, steps=3, ignore=True)
    assert all(torch.equal(a.next_observation, b.next_observation) for a, b in zip(ended, going_on, strict=True))


@given(num_envs=st.integers(2, 6), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_row_does_not_depend_on_the_number_of_environments(make, num_envs, seed):
    _, few = play(make, 2, 25, seed)
    _, many = play(make, num_envs, 25, seed)
    assert first_difference(few, many, row=1) is None


def test_global_generators_are_neither_read_nor_moved(make):
    torch.manual_seed(1)
    before = global_states()
    _, first = play(make)
    assert global_states() == before
    torch.manual_seed(2)
    assert first_difference(first, play(make)[1]) is None


def test_other_seeds_give_another_run(make):
    """Negative control: the comparison can fail, and the seed enters at the first observation."""
    other = play(make, seeds=other_episode_seed)[1]
    assert "step 0, observation" in str(first_difference(play(make)[1], other))


def test_returned_tensors_are_the_callers_to_keep(make):
    env = make(2, episode_seed, False)
    steps = actions(2, env.spec.action_dim, 25)
    env.reset()
    kept = [env.step(action) for action in steps]
    env.reset()
    for action, batch in zip(steps, kept, strict=True):
        again = env.step(action)
        assert first_difference([batch], [again]) is None
        for field in FIELDS:
            getattr(again, field).zero_()


def test_tensors_of_one_batch_share_no_memory(make):
    _, (batch,) = play(make, steps=1)
    pointers = [getattr(batch, field).untyped_storage().data_ptr() for field in FIELDS]
    assert len(set(pointers)) == len(FIELDS)


def test_starting_at_a_later_episode_equals_playing_up_to_it(make):
    env, _ = play(make, 2, 4)
    late, seeds = env.reset(episode=7)
    fresh, _ = make(2, episode_seed, False).reset(episode=7)
    assert torch.equal(late, fresh) and seeds.tolist() == [episode_seed(i, 7) for i in range(2)]


@pytest.mark.parametrize("ignore", [True, False])
@given(st.integers(0, 45), st.integers(0, 2**20), st.integers(0, 30))
@fewer(10)
def test_an_environment_restored_in_mid_episode_goes_on_as_if_it_had_never_stopped(make, ignore, cut, seed, before):
    plan = actions(3, make(3, episode_seed, ignore).spec.action_dim, 60, seed)
    env, whole = make(3, episode_seed, ignore), []
    observation, _ = env.reset()
    so_far = [[], [], []]
    for action in plan[:cut]:
        batch = env.step(action)
        observation = batch.observation
        for i in range(3):
            ended = bool(batch.terminated[i] | batch.truncated[i])
            so_far[i] = [] if ended else [*so_far[i], action[i]]
    episodes = env.episodes.copy()
    whole = [env.step(action) for action in plan[cut:]]
    # Another one, which has been elsewhere before.
    other = make(3, episode_seed, ignore)
    rollout(other, actions(3, other.spec.action_dim, before, seed + 1))
    rows = [torch.stack(taken) if taken else torch.empty(0, plan[0].shape[1]) for taken in so_far]
    assert torch.equal(other.restore(episodes, rows), observation)
    assert first_difference(whole, [other.step(action) for action in plan[cut:]]) is None


def test_one_action_less_restores_another_state(make):
    """Negative control."""
    env = make(3, episode_seed, True)
    plan = torch.full((4, 3, env.spec.action_dim), 0.5)
    at_four, at_three = (env.restore(env.episodes, list(plan[:k].unbind(1))) for k in (4, 3))
    assert not torch.equal(at_four, at_three)
