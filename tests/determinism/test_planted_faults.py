"""Negative controls: each fault that makes equal seeds unequal is seen, in the channel where it enters."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest
import torch

from sac.learner.factory import learner_kind
from sac.replay import ReplayBuffer
from sac.rollout.collector import Collector
from sac.streams import EpisodeSeeds, Stream
from tests.determinism.runs import assert_parts_at, run_here

_clock = itertools.count(1)
"""Stands in for whatever differs from run to run: time, entropy, a counter of earlier work."""


def unseeded_warm_up(self):
    """ManiSkill issue 1250: the warm-up sampled an action space that nobody had seeded."""
    shape = (self.envs.num_envs, self.envs.spec.action_dim)
    draws = np.frombuffer(os.urandom(4 * int(np.prod(shape))), dtype=np.uint32).astype(np.float32) / 2**32
    return torch.from_numpy(draws.reshape(shape) * 2 - 1)


def unseeded_episode(self, env, episode):
    return next(_clock)


def noise_that_remembers(self):
    """Exploration noise from a generator that goes on from run to run."""
    noise = torch.full((self.envs.num_envs, self.envs.spec.action_dim), 1e-6 * next(_clock))
    return self.learner.act(self.state.observation, noise)


def index_from_entropy(original):
    def integers(self, block, high, shape):
        return (original(self, block, high, shape) + next(_clock)) % high

    return integers


def rounded_after(original, update_number: int, weights: slice):
    """Updates of which one leaves some of the critic's weights one rounding larger, as another thread count would."""
    count = itertools.count(1)

    def update(self, batch, noise):
        info = original(self, batch, noise)
        if next(count) == update_number:
            flat = self.state.critic.flat
            flat[weights] = torch.nextafter(flat[weights], flat[weights] + 1)
        return info

    return update


def permuted_batch(original):
    def gather(self, index, out=None):
        rows = original(self, index, out)
        return rows.roll(next(_clock) % 5, dims=0)

    return gather


FAULTS = {
    "unseeded warm-up": (Collector, "_uniform_action", lambda old: unseeded_warm_up, "rollout.action", 1),
    "unseeded episodes": (EpisodeSeeds, "__call__", lambda old: unseeded_episode, "env.seed", 0),
    "noise that remembers": (Collector, "_policy_action", lambda old: noise_that_remembers, "rollout.action", 5),
    "unseeded replay sampling": (Stream, "integers", index_from_entropy, "replay.index", 4),
    "batch in another order": (ReplayBuffer, "gather", permuted_batch, "replay.batch", 4),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_by_its_channel(tmp_path, monkeypatch, name):
    owner, attribute, plant, channel, iteration = FAULTS[name]
    monkeypatch.setattr(owner, attribute, plant(getattr(owner, attribute)))
    first, second = run_here(tmp_path / "first"), run_here(tmp_path / "second")
    comparison = assert_parts_at(first, second, channel, iteration)
    assert comparison.first.inputs_equal, comparison.text


UPDATES = 8
"""Of iteration 4, the first that learns. How far a rounding in one weight spreads is a fact of the CPU's own rounding,
so these tests plant what must be seen on any: one that comes after the last loss, and one in every weight."""


@pytest.mark.parametrize(
    "update_number, weights, channel",
    [(UPDATES, slice(7, 8), "param.critic"), (1, slice(None), "update.critic_loss")],
    ids=["one weight after the last update", "every weight after the first"],
)
def test_one_rounding_is_seen_where_it_must_show(tmp_path, monkeypatch, update_number, weights, channel):
    first = run_here(tmp_path / "first", utd=0.5)
    learner = learner_kind(torch.device("cpu"))
    monkeypatch.setattr(learner, "update", rounded_after(learner.update, update_number, weights))
    second = run_here(tmp_path / "second", utd=0.5)
    comparison = assert_parts_at(first, second, channel, 4)
    assert "param.critic" in comparison.first.differing


def test_noise_for_the_update_is_a_channel_of_its_own(tmp_path, monkeypatch):
    first = run_here(tmp_path / "first")
    normal = Stream.normal

    def other(self, block, shape):
        draws = normal(self, block, shape)
        return -draws if self.name == "update.noise" else draws

    monkeypatch.setattr(Stream, "normal", other)
    assert_parts_at(first, run_here(tmp_path / "second"), "update.noise", 4)
