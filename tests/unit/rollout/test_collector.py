"""The collector: whose actions depend on what, how transitions join up, and what a fault is told as."""

import copy
import dataclasses
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.envs.point import PointVectorEnv
from sac.envs.protocol import NO_RESET, EnvironmentFault
from sac.replay import RowLayout
from sac.rollout.collector import Collector, Rollout
from sac.rollout.episodes import take_means
from sac.state import put, walk
from sac.streams import EpisodeSeeds, Streams
from tests.examples import fewer

pytestmark = pytest.mark.usefixtures("one_thread")


class Leaning:
    """A policy that anybody can follow: it leans towards the goal, by as much as noise lets it."""

    def act(self, observation, noise):
        return (observation[:, 4:] - observation[:, :2] + 0.1 * noise).clamp(-1, 1)


class Refuses:
    """A policy that must not be asked."""

    def act(self, observation, noise):
        raise AssertionError("the policy was asked in warm-up")


class Anchor:
    """What a collector reads of a learner, without networks."""

    def __init__(self):
        self.state = type("State", (), {"log_alpha": torch.zeros(1), "updates": 7})()


class SplitPoint(PointVectorEnv):
    """The point task, stepped in two halves, as worker processes are."""

    def begin_step(self, action):
        self.begun = action

    def end_step(self):
        return self.step(self.begun)


class Poisoned(PointVectorEnv):
    """The point task that gives NaN in one field of one environment at one of its steps."""

    where = ("reward", 0, 0)
    taken = 0

    def step(self, action):
        field, at, env = self.where
        batch = super().step(action)
        if self.taken == at:
            values = getattr(batch, field).clone()
            values[env] = torch.nan
            batch = dataclasses.replace(batch, **{field: values})
        self.taken += 1
        return batch


def make_collector(num_envs=3, steps=4, policy=None, kind=PointVectorEnv, seed=5):
    config = TrainConfig(seed=seed, num_envs=num_envs, training_freq=num_envs * steps)
    envs = kind(num_envs, EpisodeSeeds(seed, "train"))
    return Collector(config, envs, Anchor(), Streams(seed), policy or Leaning())


def join(rollouts):
    """One rollout of several in a row."""
    fields = [field.name for field in dataclasses.fields(Rollout)]
    return Rollout(**{name: torch.cat([getattr(one, name) for one in rollouts]) for name in fields})


def collect(iterations=12, warm_up=0, **options):
    """A collector after so many iterations, the first of them with uniform actions, and all that it collected."""
    collector = make_collector(**options)
    return collector, join([collector.collect(number < warm_up) for number in range(iterations)])


def assert_same(one, other):
    for field in dataclasses.fields(Rollout):
        assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name


def leaves(state):
    """Name -> bytes of every leaf."""
    return {name: np.asarray(leaf).tobytes() for name, leaf in walk(state)}


@given(st.integers(1, 6), st.sampled_from([1, 2, 3, 4, 6]), st.booleans())
@fewer(5)
def test_an_environments_actions_depend_on_neither_its_neighbours_nor_the_length_of_iterations(count, steps, warm_up):
    warm = 24 if warm_up else 0
    _, alone = collect(24, warm, num_envs=1, steps=1)
    _, many = collect(24 // steps, warm, num_envs=count, steps=steps)
    assert_same(alone, Rollout(**{name: values[:, :1] for name, values in vars(many).items()}))


def test_another_seed_takes_other_actions():
    """Negative control of the one above."""
    for warm_up in (0, 12):
        one, other = (collect(12, warm_up, seed=seed)[1] for seed in (5, 6))
        assert not torch.equal(one.action, other.action)


def test_no_two_environments_and_no_two_steps_share_their_noise():
    for warm_up in (0, 12):
        _, found = collect(12, warm_up, policy=type("Noise", (), {"act": lambda self, observation, noise: noise})())
        drawn = found.action.flatten(0, 1)
        assert len({row.numpy().tobytes() for row in drawn}) == len(drawn)


def test_warm_up_fills_the_action_box_and_asks_no_policy():
    class Wide(PointVectorEnv):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            low, high = np.array([-1, 0.5], np.float32), np.array([0.25, 1], np.float32)
            self.spec = dataclasses.replace(self.spec, action_low=low, action_high=high)

    _, found = collect(60, 60, policy=Refuses(), kind=Wide)
    for column, low, high in ((0, -1, 0.25), (1, 0.5, 1)):
        values = found.action[..., column]
        assert low <= values.min() < low + 0.02 * (high - low) and high - 0.02 * (high - low) < values.max() < high
        assert (values.mean() - (low + high) / 2).abs() < 0.05 * (high - low)


def test_each_transition_begins_where_the_one_before_ended_or_where_a_new_episode_does():
    _, found = collect(15)
    ended = found.terminated | found.truncated
    assert ended.any() and not ended.all()
    assert torch.equal(found.reset_seed != NO_RESET, ended)
    joined = (found.observation[1:] == found.next_observation[:-1]).all(-1)
    assert torch.equal(joined, ~ended[:-1])
    episode = [0, 0, 0]
    for step, env in torch.nonzero(ended[:-1]).tolist():
        episode[env] += 1
        fresh = PointVectorEnv(3, EpisodeSeeds(5, "train")).reset(episode[env])[0]
        assert torch.equal(found.observation[step + 1, env], fresh[env])


def test_the_actions_of_the_episodes_under_way_are_kept():
    """What resuming replays."""
    collector, found = collect(15)
    for env, length in enumerate(collector.state.totals.length.tolist()):
        assert torch.equal(collector.state.actions[env, :length], found.action[len(found.action) - length :, env])
    assert collector.state.totals.length.unique().numel() > 1, "the environments are in step: nothing was told apart"


def test_both_records_of_episodes_hold_those_that_ended():
    collector, found = collect(15)
    ended = found.terminated | found.truncated
    for sums in (collector.state.since_evaluation, collector.state.since_log):
        assert sums.count == int(ended.sum()) > 0
        means = take_means(sums)
        assert means["success_once"] == pytest.approx(float(found.terminated.sum() / ended.sum()))


def test_bits_are_the_same_where_environments_step_beside_this_process():
    (one, plain), (other, split) = (collect(15, 3, kind=kind) for kind in (PointVectorEnv, SplitPoint))
    assert_same(plain, split)
    assert leaves(one.state) == leaves(other.state)


@pytest.mark.parametrize("kind", [PointVectorEnv, SplitPoint])
def test_what_is_to_be_done_meanwhile_is_done_once_a_step(kind, monkeypatch):
    events = []
    for name in ("begin_step", "end_step", "step") if kind is SplitPoint else ("step",):
        own = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *a, own=own, name=name: (events.append(name), own(*a))[1])
    make_collector(kind=kind, steps=2).collect(False, lambda: events.append("meanwhile"))
    step = ["begin_step", "meanwhile", "end_step", "step"] if kind is SplitPoint else ["meanwhile", "step"]
    assert events == 2 * step


@pytest.mark.parametrize("cut", [0, 1, 4, 9])
def test_a_collector_restored_in_mid_episode_goes_on_with_the_same_bits(cut):
    whole = make_collector()
    for number in range(cut):
        whole.collect(number < 2)
    resumed = make_collector()
    for name, leaf in walk(copy.deepcopy(whole.state)):
        put(resumed.state, name, leaf)
    resumed.restore_simulators()
    assert_same(whole.collect(False), resumed.collect(False))
    assert leaves(whole.state) == leaves(resumed.state)


def test_an_environment_that_does_not_come_back_to_its_observation_is_named():
    """The other zero is a difference, too."""
    collector = make_collector()
    collector.state.observation[1, 2] = -0.0
    with pytest.raises(EnvironmentFault, match=r"environment 1 can't be restored.* episode 0, 1 of 6 values"):
        collector.restore_simulators()


@given(st.sampled_from(["reward", "next_observation"]), st.integers(0, 11), st.integers(0, 2))
@fewer(4)
def test_a_number_that_is_not_finite_is_named_by_environment_step_and_field(field, at, env):
    kind = type("Planted", (Poisoned,), {"where": (field, at, env)})
    collector = make_collector(kind=kind)
    with pytest.raises(EnvironmentFault) as caught:
        for _ in range(3):
            collector.collect(warm_up=False)
    place = rf"environment {env} gave {field}(\[0\])? = nan at its step {at} \(global step {3 * (at + 1)}, "
    assert re.search(place, str(caught.value))


def test_a_policy_whose_action_is_not_finite_is_told_with_the_learning_rates():
    diverged = type("Diverged", (), {"act": lambda self, observation, noise: torch.full_like(noise, torch.inf)})()
    with pytest.raises(EnvironmentFault, match=r"after 7 gradient steps: .* Lower --policy_lr 0\.0003 or --q_lr"):
        make_collector(policy=diverged).collect(warm_up=False)


DONE = {"always": [0, 0, 0, 0], "never": [0, 1, 1, 1], "truncated": [0, 1, 0, 1]}
"""Mode -> stop, for (terminated, truncated) of no, yes no, no yes, yes yes."""


def four_ends():
    """One step of four environments, which end in each of the four ways."""
    _, found = collect(1, num_envs=4, steps=1)
    terminated, truncated = torch.tensor([[False, True, False, True]]), torch.tensor([[False, False, True, True]])
    return dataclasses.replace(found, terminated=terminated, truncated=truncated)


@pytest.mark.parametrize("mode", DONE)
def test_where_the_value_stops_follows_bootstrap_at_done(mode):
    assert four_ends().stop_bootstrap(mode).int().tolist() == [DONE[mode]]


@pytest.mark.parametrize("mode", DONE)
def test_packed_rows_hold_what_was_collected_and_leave_it_as_it_was(mode):
    found = four_ends()
    kept, layout = copy.deepcopy(found), RowLayout(6, 2)
    batch = layout.unpack(found.pack(layout, mode)[0])
    for name in ("observation", "action", "reward", "next_observation"):
        assert torch.equal(getattr(batch, name), getattr(found, name)[0]), name
    assert batch.stop_bootstrap.tolist() == DONE[mode]
    assert_same(found, kept)
