"""The gradient steps of an iteration: what they are drawn from, and that how they are cut changes no bit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.digest import digester_for
from sac.learner import gradient_steps
from sac.learner.gradient_steps import GradientSteps
from sac.learner.sac import Learner
from sac.replay import ReplayBuffer, RowLayout
from sac.state import walk
from sac.streams import Stream, Streams
from tests.examples import fewer
from tests.unit.learner.cases import SMALL, SPEC, hidden

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
BATCH, ENVS, ROWS = 8, 2, 6
LAYOUT = RowLayout(SPEC.observation_dim, SPEC.action_dim)


def make_replay(filled=ROWS):
    """A ring of which so many rows hold transitions; the others hold what must never be learned from."""
    replay = ReplayBuffer(LAYOUT, ENVS, ROWS * ENVS, CPU)
    rows = torch.from_numpy(Stream(3, "test.replay").normal(0, (filled, ENVS, LAYOUT.width)))
    replay.state.rows.fill_(torch.nan)
    replay.add(rows)
    return replay


def make_steps(count=4, filled=ROWS, kind=Learner, **flags):
    """So many gradient steps an iteration, of a learner with small networks."""
    config = TrainConfig(num_envs=ENVS, training_freq=2 * count, utd=0.5, batch_size=BATCH, **flags)
    assert config.grad_steps_per_iteration == count
    with hidden(SMALL):
        return GradientSteps(config, kind(config, SPEC, CPU), make_replay(filled), Streams(config.seed))


def take(steps, iteration=1, sizes=None, recorded=False):
    """An iteration's gradient steps; returns what they did."""
    if sizes is None:
        return steps.all_at_once(iteration, recorded=recorded)
    chunks = steps.begin(iteration, sizes, recorded=recorded)
    for _ in sizes:
        chunks.take_chunk()
    return chunks.updates()


def bits(steps):
    """Name -> bytes of every leaf of the learner."""
    return {
        name: leaf.numpy().tobytes() if isinstance(leaf, torch.Tensor) else leaf
        for name, leaf in walk(steps.learner.state)
    }


def flat(updates):
    """Everything that updates tell, as bytes."""
    parts = {"index": updates.index, "noise": updates.noise, **(vars(updates.sums) if updates.sums else {})}
    parts |= vars(updates.info)
    return {name: None if part is None else part.numpy().tobytes() for name, part in parts.items()}


cuts = st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(sum)


@given(cuts, st.integers(1, 3), st.integers(1, 3), st.booleans())
@fewer(5)
def test_chunks_of_any_sizes_have_the_bits_of_one(sizes, policy_frequency, target_frequency, recorded):
    flags = {"policy_frequency": policy_frequency, "target_network_frequency": target_frequency}
    one, cut = (make_steps(sum(sizes), **flags) for _ in range(2))
    assert flat(take(one, recorded=recorded)) == flat(take(cut, sizes=sizes, recorded=recorded))
    assert bits(one) == bits(cut)


@given(cuts)
@fewer(10)
def test_pieces_of_a_graphs_length_have_the_bits_of_one(sizes):
    one, cut = (make_steps(sum(sizes)) for _ in range(2))
    whole = flat(take(one, sizes=sizes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient_steps, "MOST_STEPS_IN_A_GRAPH", 2)
        assert flat(take(cut, sizes=sizes)) == whole
    assert bits(one) == bits(cut)


def test_each_chunk_is_taken_when_it_is_asked_for_and_only_all_of_them_can_tell():
    steps = make_steps(5)
    chunks = steps.begin(1, [2, 0, 3], recorded=False)
    for left, taken in ((3, 0), (2, 2), (1, 2)):
        assert steps.learner.state.updates == taken
        with pytest.raises(RuntimeError, match=f"{left} chunks of gradient steps have not been taken"):
            chunks.updates()
        chunks.take_chunk()
    assert steps.learner.state.updates == 5 and len(chunks.updates().index) == 5


def test_what_an_iteration_draws_is_a_function_of_its_number_alone():
    used, fresh = make_steps(), make_steps()
    for iteration in (1, 2, 7):
        take(used, iteration)
    again, first = take(used, 3), take(fresh, 3)
    assert torch.equal(again.index, first.index) and torch.equal(again.noise, first.noise)


@pytest.mark.parametrize("other", [{"iteration": 4}, {"seed": 2}])
def test_another_iteration_or_seed_draws_something_else(other):
    """Negative control of the one above."""
    found = take(make_steps(), 3)
    changed = take(make_steps(seed=other.get("seed", 1)), other.get("iteration", 3))
    assert not torch.equal(found.index, changed.index) and not torch.equal(found.noise, changed.noise)


class Listens(Learner):
    """A learner that keeps what it was given."""

    def update(self, batch, noise):
        self.given = [*getattr(self, "given", []), (batch.observation_action.clone(), batch.reward.clone(), noise)]
        return super().update(batch, noise)


def test_each_gradient_step_gets_the_transitions_and_the_noise_that_were_drawn_for_it():
    steps = make_steps(kind=Listens)
    updates, rows = take(steps), make_replay().state.rows.flatten(0, 1)
    assert updates.index.shape == (4, BATCH) and updates.noise.shape == (4, 2, BATCH, SPEC.action_dim)
    for index, noise, (observation_action, reward, given_noise) in zip(
        updates.index, updates.noise, steps.learner.given, strict=True
    ):
        assert torch.equal(observation_action, rows[index][:, : SPEC.observation_dim + SPEC.action_dim])
        assert torch.equal(reward, rows[index][:, SPEC.observation_dim + SPEC.action_dim])
        assert torch.equal(noise, given_noise)


@pytest.mark.parametrize("filled", [1, 3, ROWS])
def test_every_transition_that_is_held_is_drawn_and_no_other(filled):
    updates = take(make_steps(30, filled))
    assert set(updates.index.flatten().tolist()) == set(range(filled * ENVS))
    assert torch.isfinite(updates.info.critic_losses).all()


def test_no_two_gradient_steps_share_batch_or_noise():
    updates = take(make_steps(30))
    for drawn in (updates.index, updates.noise):
        assert len({row.numpy().tobytes() for row in drawn}) == 30
    assert not torch.equal(updates.noise[:, 0], updates.noise[:, 1])


@given(st.integers(1, 6), st.integers(1, 4), st.booleans())
@fewer(10)
def test_losses_are_told_for_each_update_that_there_was(count, policy_frequency, autotune):
    info = take(make_steps(count, policy_frequency=policy_frequency, autotune=autotune)).info
    assert info.critic_losses.shape == info.q_values.shape == (count, 2) and info.alpha.shape[0] == count
    actors = count // policy_frequency
    for loss, updates in ((info.actor_loss, actors), (info.alpha_loss, actors if autotune else 0)):
        assert (loss is None) == (updates == 0)
        assert loss is None or loss.shape[0] == updates


def test_the_ledgers_word_sums_are_those_of_what_was_drawn_and_change_no_bit():
    plain, told = make_steps(), make_steps()
    nothing, updates = take(plain), take(told, recorded=True)
    assert nothing.sums is None
    assert bits(plain) == bits(told)
    word_sum, rows = digester_for(CPU).word_sum, make_replay().state.rows.flatten(0, 1)
    assert updates.sums.batches.tolist() == [int(word_sum(rows[index])) for index in updates.index]
    assert (updates.sums.index, updates.sums.noise) == (word_sum(updates.index), word_sum(updates.noise))
