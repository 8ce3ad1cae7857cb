"""A learner that is changed between its gradient steps is named as such, not as the learner's own work."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sac.checkpoint.checkpoint import Checkpoints
from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger
from sac.ledger.outside import changed_outside
from sac.ledger.unchanged import Unchanged
from sac.rollout.collector import Collector
from sac.run.logs import Logs
from sac.state import walk
from sac.trainer import Trainer, train
from tests.unit.ledger.ledgers import ledger, plant, replace_line
from tests.unit.test_trainer import TINY

pytestmark = pytest.mark.usefixtures("one_thread")

FLAGS = {"eval_freq": 16, "learning_starts": 16, "utd": 0.25, "total_timesteps": 40}
LEAVES = {
    "param.critic": "critic.flat",
    "param.actor": "actor.flat",
    "param.log_alpha": "log_alpha",
    "param.target": "target.flat",
    "optim.critic": "critic_optim.exp_avg_sq",
    "optim.actor": "actor_optim.exp_avg",
    "optim.alpha": "alpha_optim.step",
}


def flipped(state, channel):
    """Flip the last bit of one element of what a channel stands for."""
    leaf = dict(walk(state.learner))[LEAVES[channel]]
    assert isinstance(leaf, torch.Tensor)
    leaf.view(-1).view(torch.int32)[0] ^= 1


def trained(folder, **flags):
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr("sac.trainer.fingerprint", lambda *arguments: {"profile": "deterministic"})
        machine.setattr("sac.run.folder.git_revision", lambda: None)
        train(dataclasses.replace(TINY, run_dir=str(folder), **{**FLAGS, **flags}))
    return read_ledger(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return {overlap: trained(tmp_path_factory.mktemp("plain") / "run", overlap=overlap) for overlap in (False, True)}


def test_a_run_in_which_nobody_meddles_says_nothing_of_it(plain):
    for run in plain.values():
        assert not any(changed_outside(line.values) for line in run.lines)


CASES = [*((False, channel, 3) for channel in LEAVES), (True, "param.critic", 4), (False, "optim.alpha", 1)]
"""Overlapped or not, channel, iteration: iteration 1 does not learn."""


@pytest.mark.parametrize("overlap, channel, iteration", CASES)
def test_one_bit_changed_between_iterations_is_named_by_its_channel_and_iteration(
    tmp_path, monkeypatch, plain, overlap, channel, iteration
):
    iterate = Trainer.iterate

    def meddling(self):
        if self.state.iteration + 1 == iteration:
            flipped(self.state, channel)
        iterate(self)

    monkeypatch.setattr(Trainer, "iterate", meddling)
    first = compare(plain[overlap], trained(tmp_path / "run", overlap=overlap)).first
    assert (first.channel, first.iteration) == (channel, iteration)
    assert first.cause.kind == "outside" and f"has written to {channel}" in first.verdict
    assert f"numbers of {channel} changed outside 0.0 vs 1.0" in first.verdict


PLACES = {
    "while an evaluation goes on": (Trainer, "_evaluate", {}),
    "while environments step": (Collector, "collect", {}),
    "while something is logged": (Logs, "progress", {}),
    "while a checkpoint is written": (Checkpoints, "save", {"checkpoint_freq": "1"}),
}


@pytest.mark.parametrize("place", PLACES)
def test_who_writes_to_the_learner_is_seen_wherever_it_stands(tmp_path, monkeypatch, plain, place):
    owner, name, flags = PLACES[place]
    learners, calls = [], []
    run, own = Trainer.run, getattr(owner, name)
    monkeypatch.setattr(Trainer, "run", lambda self: (learners.append(self.state), run(self)))

    def meddling(self, *arguments, **options):
        calls.append(None)
        if len(calls) == (1 if owner is Trainer else 3):
            flipped(learners[0], "param.target")
        return own(self, *arguments, **options)

    monkeypatch.setattr(owner, name, meddling)
    first = compare(plain[False], trained(tmp_path / "run", **flags)).first
    expected = {Checkpoints: 4, Trainer: 1}.get(owner, 3)
    # The first evaluation is that of iteration 0; progress is told of iteration 0 first, too.
    assert (first.channel, first.iteration) == ("param.target", expected)
    assert first.cause.kind == "outside"


def test_what_gradient_steps_change_is_not_called_outside():
    one, other = ledger(), plant(ledger(), 3, "param.critic")
    assert compare(one, other).first.cause.kind == "stage"


def test_two_runs_that_are_changed_alike_are_equal():
    values = {"critic_loss": 0.5, "reward": 0.25, "outside.param.actor": 3.0}
    alike = [replace_line(ledger(), 3, values=values) for _ in range(2)]
    assert compare(*alike).equal


def test_a_change_that_no_digest_shows_any_more_is_a_difference_still():
    changed = replace_line(ledger(), 3, values={"critic_loss": 0.5, "reward": 0.25, "outside.optim.actor": 1.0})
    first = compare(ledger(), changed).first
    assert (first.channel, first.iteration) == ("optim.actor", 3)


def test_counts_are_of_each_channel_and_taken_once():
    tensors = {"param.critic": [torch.zeros(4)], "optim.critic": [torch.zeros(()), torch.zeros(3)]}
    unchanged = Unchanged(tensors)
    unchanged.look()
    assert unchanged.take() == {}, "nothing was kept yet"
    unchanged.keep()
    tensors["param.critic"][0][1] = -0.0
    tensors["optim.critic"][0].fill_(1.0)
    tensors["optim.critic"][1][:2] = torch.nan
    unchanged.look()
    tensors["param.critic"][0].fill_(5.0)
    unchanged.look()
    assert unchanged.take() == {"outside.param.critic": 1.0, "outside.optim.critic": 3.0}
    assert unchanged.take() == {}
