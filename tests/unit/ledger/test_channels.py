"""No channel is blind: one flipped bit anywhere in what a channel stands for changes its digest, and no other's."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.digest import DigestBatch
from sac.learner.gradient_steps import InputSums, Updates, word_sum
from sac.learner.sac import UpdateInfo
from sac.ledger.channels import CHANNELS
from sac.ledger.recorder import (
    record_evaluation,
    record_first,
    record_learner,
    record_rollout,
    record_updates,
    step_marks,
)
from sac.rollout.collector import Rollout
from sac.rollout.episodes import EPISODE_METRICS, EpisodeLog
from sac.rollout.evaluation import Evaluation
from sac.state import AdamState, LearnerState, Parameters, walk
from tests.examples import fewer

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS, ENVS, OBSERVATION, ACTION = 3, 2, 4, 2
UPDATES, BATCH = 3, 4
CPU = torch.device("cpu")

LEARNER = {
    "actor.flat": "param.actor",
    "critic.flat": "param.critic",
    "target.flat": "param.target",
    "log_alpha": "param.log_alpha",
    **{
        f"{name}_optim.{moment}": f"optim.{name}"
        for name in ("actor", "critic", "alpha")
        for moment in ("step", "exp_avg", "exp_avg_sq")
    },
}
"""Leaf of the learner's state -> channel; a leaf added later must be added here, and to a channel."""
COUNTED = {"updates"}
"""The number of gradient steps: `optim.*` digest it as Adam's own count."""

ROLLOUT = {
    "observation": "rollout.obs",
    "action": "rollout.action",
    "reward": "rollout.reward",
    "next_observation": "rollout.next_obs",
    "terminated": "rollout.done",
    "truncated": "rollout.done",
    "reset_seed": "env.seed",
}
USED = {"index": "replay.index", "noise": "update.noise", "batches": "replay.batch"}
REPORTED = {"critic_losses": "update.critic_loss", "actor_loss": "update.actor_loss", "alpha": "update.alpha"}
SHOWN_ALONE = {"q_values": "losses/qf*_values", "alpha_loss": "losses/alpha_loss"}
"""Reports that only logs show: what they are made of and lead to has channels."""
EVALUATED = {"return": "eval.return", "success_once": "eval.return"}


def some(shape, dtype=torch.float32):
    """Numbers of which no two are alike, or flags of which some are set."""
    count = torch.Size(shape).numel()
    if dtype == torch.bool:
        return (torch.arange(count) % 3 == 0).view(shape)
    return (torch.arange(count) + 1).to(dtype).view(shape) / (7 if dtype.is_floating_point else 1)


def make_learner_state():
    def parameters(shapes):
        return Parameters.zeros(shapes, CPU)

    actor, critic, target = (parameters({"weight.0": (2, n), "bias.0": (n,)}) for n in (3, 5, 5))
    log_alpha = torch.zeros(1)
    optims = [AdamState.zeros_like(flat) for flat in (actor.flat, critic.flat, log_alpha)]
    state = LearnerState(actor, critic, target, log_alpha, *optims)
    for number, (_, leaf) in enumerate(walk(state)):
        if isinstance(leaf, torch.Tensor):
            leaf.copy_(some(leaf.shape) + number)
    return state


def make_rollout():
    shapes = {"observation": (OBSERVATION,), "action": (ACTION,), "next_observation": (OBSERVATION,)}
    kinds = {"terminated": torch.bool, "truncated": torch.bool, "reset_seed": torch.int64}
    fields = [field.name for field in dataclasses.fields(Rollout)]
    shape = STEPS, ENVS
    return Rollout(**{name: some((*shape, *shapes.get(name, ())), kinds.get(name, torch.float32)) for name in fields})


def make_used():
    return {
        "index": some((UPDATES, BATCH), torch.int64),
        "noise": some((UPDATES, 2, BATCH, ACTION)),
        "batches": some((UPDATES, BATCH, 2 * OBSERVATION + ACTION + 2)),
    }


def make_reported():
    shapes = {"critic_losses": (UPDATES, 2), "q_values": (UPDATES, 2), "alpha": (UPDATES, 1)}
    return {field.name: some(shapes.get(field.name, (UPDATES,))) for field in dataclasses.fields(UpdateInfo)}


def updates_of(used, reported):
    sums = InputSums(
        word_sum(used["index"]), word_sum(used["noise"]), torch.stack([word_sum(batch) for batch in used["batches"]])
    )
    return Updates(used["index"], used["noise"], UpdateInfo(**reported), sums)


def evaluation_of(actions, columns):
    log = EpisodeLog()
    # Two steps at which episodes ended.
    log.add({name: values[:2] for name, values in columns.items()})
    log.add({name: values[2:] for name, values in columns.items()})
    return Evaluation(actions, log)


def digests_of(record, *arguments):
    batch = DigestBatch()
    record(batch, *arguments)
    return batch.finish()[0]


def flip(tensor, place, bit):
    """Flip one bit of one element, in place."""
    raw = tensor.view(-1) if tensor.dim() else tensor.view(1)
    if tensor.dtype == torch.bool:
        raw[place % raw.numel()] ^= True
        return
    words = raw.view({4: torch.int32, 8: torch.int64}[tensor.element_size()])
    mask = 1 << bit % (8 * tensor.element_size())
    words[place % words.numel()] ^= mask if mask < 2 ** (8 * tensor.element_size() - 1) else -mask


def assert_each_bit_counts(tensors, channels, digests, data):
    """Flip bits of each tensor's first, last and another element: its channel changes, and no other."""
    before = digests()
    for name, tensor in tensors.items():
        for place in (0, -1, data.draw(st.integers(0, tensor.numel() - 1))):
            bit = data.draw(st.integers(0, 63))
            flip(tensor, place, bit)
            after = digests()
            changed = {channel for channel in before if before[channel] != after[channel]}
            wanted = {channels[name]} if name in channels else set()
            assert changed == wanted, f"{name}: bit {bit} of element {place} changed {sorted(changed)}"
            flip(tensor, place, bit)
    assert digests() == before


@given(st.data())
@fewer(10)
def test_every_bit_of_the_learners_state_counts_in_its_own_channel(data):
    state = make_learner_state()
    leaves = {name: leaf for name, leaf in walk(state) if name not in COUNTED}
    assert leaves.keys() == LEARNER.keys()
    assert_each_bit_counts(leaves, LEARNER, lambda: digests_of(record_learner, state), data)


@given(st.data())
@fewer(10)
def test_every_bit_of_a_rollout_counts_in_its_own_channel(data):
    rollout = make_rollout()
    assert vars(rollout).keys() == ROLLOUT.keys()
    assert_each_bit_counts(dict(vars(rollout)), ROLLOUT, lambda: digests_of(record_rollout, rollout), data)


def test_terminated_and_truncated_are_told_apart():
    one = make_rollout()
    other = dataclasses.replace(one, terminated=one.truncated, truncated=~one.terminated)
    swapped = dataclasses.replace(one, terminated=other.truncated, truncated=other.terminated)
    assert len({digests_of(record_rollout, rollout)["rollout.done"] for rollout in (one, other, swapped)}) == 3


@given(st.data())
@fewer(10)
def test_every_bit_of_a_rollout_counts_in_the_mark_of_its_step_and_environment(data):
    rollout = make_rollout()
    before = step_marks(rollout)
    assert before.keys() == set(ROLLOUT.values())
    for name, channel in ROLLOUT.items():
        values = getattr(rollout, name)
        place, bit = data.draw(st.integers(0, values.numel() - 1)), data.draw(st.integers(0, 63))
        flip(values, place, bit)
        after = step_marks(rollout)
        flip(values, place, bit)
        rows = [(other, row) for other in before for row in range(STEPS * ENVS)]
        changed = [(other, row) for other, row in rows if cut(before[other], row) != cut(after[other], row)]
        assert changed == [(channel, place // (values.numel() // (STEPS * ENVS)))]


def cut(marks, row):
    return marks[4 * row : 4 * row + 4]


@given(st.data())
@fewer(10)
def test_every_bit_of_what_gradient_steps_used_and_reported_counts(data):
    used, reported = make_used(), make_reported()
    assert reported.keys() == REPORTED.keys() | SHOWN_ALONE.keys()
    tensors, channels = {**used, **reported}, {**USED, **REPORTED}
    assert_each_bit_counts(tensors, channels, lambda: digests_of(record_updates, updates_of(used, reported)), data)


@given(st.data())
@fewer(10)
def test_every_action_and_every_outcome_of_an_evaluation_counts(data):
    actions = some((STEPS, ENVS, ACTION))
    columns = {name: some((4,), torch.float64) for name in EPISODE_METRICS}
    tensors, channels = {"action": actions, **columns}, {"action": "eval.action", **EVALUATED}
    assert_each_bit_counts(
        tensors, channels, lambda: digests_of(record_evaluation, evaluation_of(actions, columns)), data
    )


@given(st.data())
@fewer(10)
def test_every_bit_of_the_first_seeds_and_observations_counts(data):
    first = {"seeds": some((ENVS,), torch.int64), "observation": some((ENVS, OBSERVATION))}
    channels = {"seeds": "env.seed", "observation": "rollout.obs"}
    assert_each_bit_counts(first, channels, lambda: digests_of(record_first, *first.values()), data)


def test_the_tables_here_cover_every_channel():
    tables = (LEARNER, ROLLOUT, USED, REPORTED, EVALUATED, {"action": "eval.action"})
    assert {channel for table in tables for channel in table.values()} == set(CHANNELS)


def test_a_field_without_a_channel_would_be_noticed():
    """Negative control: a leaf more in the learner's state."""

    @dataclasses.dataclass
    class Later(LearnerState):
        late: torch.Tensor = dataclasses.field(default_factory=lambda: torch.ones(3))

    leaves = {name for name, _ in walk(Later(**vars(make_learner_state())))} - COUNTED
    assert leaves - LEARNER.keys() == {"late"}


def test_a_blind_channel_would_be_noticed():
    """Negative control: moments without the second ones."""

    class Any:
        def draw(self, strategy):
            return 0

    state = make_learner_state()

    def blind():
        moments = dataclasses.replace(state.critic_optim, exp_avg_sq=torch.zeros(1))
        return digests_of(record_learner, dataclasses.replace(state, critic_optim=moments))

    with pytest.raises(AssertionError, match=r"critic_optim\.exp_avg_sq: bit 0"):
        assert_each_bit_counts({name: leaf for name, leaf in walk(state) if name not in COUNTED}, LEARNER, blind, Any())
