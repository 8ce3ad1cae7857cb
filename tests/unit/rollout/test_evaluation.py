"""Evaluation: the same episodes each time, whatever was before, and every one of them counted."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.envs.point import POINT_EPISODE_STEPS, PointVectorEnv
from sac.envs.protocol import EnvironmentFault
from sac.rollout.evaluation import evaluate
from sac.streams import EpisodeSeeds
from tests.examples import fewer
from tests.unit.envs.fakes import actions, global_states

pytestmark = pytest.mark.usefixtures("one_thread")


def make_envs(num_envs=3, seed=5, ignore=False):
    return PointVectorEnv(num_envs, EpisodeSeeds(seed, "eval"), ignore_terminations=ignore)


def lean(observation):
    """A policy that goes for the goal."""
    return (observation[:, 4:] - observation[:, :2]).clamp(-1, 1)


def found_by(evaluation):
    return evaluation.actions.numpy().tobytes(), evaluation.episodes.means()


@given(st.integers(0, 40), st.integers(0, 7), st.integers(0, 99))
@fewer(10)
def test_an_evaluation_finds_the_same_whatever_the_environments_did_before(before, episode, seed):
    fresh, used = make_envs(), make_envs()
    used.reset(episode)
    for action in actions(3, 2, before, seed):
        used.step(action)
    assert found_by(evaluate(fresh, lean, 45)) == found_by(evaluate(used, lean, 45))


@pytest.mark.parametrize("other", [{"seed": 6}, {"first_episode": 1}])
def test_another_seed_or_another_first_episode_finds_something_else(other):
    """Negative control of the one above."""
    envs = make_envs(seed=other.get("seed", 5))
    found = evaluate(envs, lean, 45, other.get("first_episode", 0))
    assert found_by(found) != found_by(evaluate(make_envs(), lean, 45))


@given(st.integers(0, 3), st.integers(1, 2))
@fewer(20)
def test_later_episodes_are_those_that_playing_on_would_have_come_to(first, rounds):
    """Episodes of one length, so that all environments are in the same one."""
    length = POINT_EPISODE_STEPS
    whole = evaluate(make_envs(ignore=True), lean, (first + rounds) * length)
    late = evaluate(make_envs(ignore=True), lean, rounds * length, first)
    assert torch.equal(whole.actions[first * length :], late.actions)
    assert torch.equal(whole.episodes.values("return")[3 * first :], late.episodes.values("return"))


class Told(PointVectorEnv):
    """The point task that keeps what it was told and what it answered."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seen, self.taken, self.batches = [], [], []

    def reset(self, episode=0):
        observation, seeds = super().reset(episode)
        self.seen.append(observation)
        return observation, seeds

    def step(self, action):
        batch = super().step(action)
        self.taken.append(action)
        self.batches.append(batch)
        self.seen.append(batch.observation)
        return batch


def test_the_policy_sees_each_observation_once_and_each_of_its_actions_is_kept():
    envs, asked = Told(3, EpisodeSeeds(5, "eval")), []

    def policy(observation):
        asked.append(observation)
        return lean(observation)

    found = evaluate(envs, policy, 30)
    assert len(asked) == 30 and all(torch.equal(one, other) for one, other in zip(asked, envs.seen, strict=False))
    assert found.actions.shape == (30, 3, 2) and torch.equal(found.actions, torch.stack(envs.taken))


@given(st.integers(1, 70), st.integers(1, 4), st.booleans())
@fewer(5)
def test_the_episodes_that_ended_are_counted_and_no_other(steps, num_envs, ignore):
    envs = Told(num_envs, EpisodeSeeds(5, "eval"), ignore_terminations=ignore)
    episodes = evaluate(envs, lean, steps).episodes
    ends = [batch.terminated | batch.truncated for batch in envs.batches]
    assert episodes.count == sum(int(end.sum()) for end in ends)
    running, returns = [0.0] * num_envs, []
    for batch, end in zip(envs.batches, ends, strict=True):
        for env in range(num_envs):
            running[env] += float(batch.reward[env])
            if end[env]:
                returns.append(running[env])
                running[env] = 0.0
    assert episodes.values("return").tolist() == returns


def test_what_watches_sees_the_start_and_each_step():
    envs, looks = Told(2, EpisodeSeeds(5, "eval")), []
    evaluate(envs, lean, 9, watch=lambda: looks.append((len(envs.seen), len(envs.taken))))
    assert looks == [(step + 1, step) for step in range(10)]


def test_global_generators_are_neither_read_nor_moved():
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = global_states()
        found.append(found_by(evaluate(make_envs(), lean, 45)))
        assert global_states() == before
    assert found[0] == found[1]


@pytest.mark.parametrize("field", ["reward", "next_observation"])
def test_a_number_that_is_not_finite_ends_an_evaluation_and_is_located(monkeypatch, field):
    envs, step = make_envs(), PointVectorEnv.step

    def poisoned(self, action):
        batch = step(self, action)
        values = getattr(batch, field).clone()
        values[2] = float("nan")
        return dataclasses.replace(batch, **{field: values})

    monkeypatch.setattr(PointVectorEnv, "step", poisoned)
    with pytest.raises(EnvironmentFault, match=r"evaluation: the (reward|observation\[0\]) of environment 2 is nan"):
        evaluate(envs, lean, 5)


def test_an_action_that_is_not_finite_ends_an_evaluation():
    with pytest.raises(EnvironmentFault, match=r"the policy's action\[0\] of environment 0 is nan"):
        evaluate(make_envs(), lambda observation: lean(observation) * float("nan"), 5)
