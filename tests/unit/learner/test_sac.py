"""The learner against a textbook SAC in float64, and its promises: pure, exact where it can be, and right."""

import copy
import dataclasses
import random
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.learner import sac as learner_module
from sac.learner.networks import sample_policy
from sac.learner.sac import Learner
from sac.numerics.matmul import BlasMatmul, OneDnnMatmul
from sac.replay import RowLayout
from sac.rollout.collector import Rollout
from sac.state import walk
from sac.streams import Stream
from tests.examples import fewer
from tests.reference.textbook import WAY_ERROR, Textbook, assert_agree, way_error
from tests.unit.learner.cases import SMALL, SPEC, hidden, make_batch, make_spec

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


@contextmanager
def multiplied_by(kind):
    """Learners made here use these products, and not those that the device asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner_module, "matmul_for", lambda device: kind())
        yield


configs = st.builds(
    TrainConfig,
    seed=st.integers(0, 2**32),
    gamma=st.floats(0, 1),
    tau=st.floats(0.001, 1),
    policy_lr=st.floats(1e-4, 1e-2),
    q_lr=st.floats(1e-4, 1e-2),
    policy_frequency=st.integers(1, 3),
    target_network_frequency=st.integers(1, 3),
    autotune=st.booleans(),
    alpha=st.floats(0.01, 1),
)
boxes = st.lists(st.tuples(st.floats(-3, 3, width=16), st.floats(0.25, 4, width=16)), min_size=1, max_size=4)
specs = st.builds(
    lambda o, box: make_spec(o, [low for low, _ in box], [low + size for low, size in box]), st.integers(1, 6), boxes
)
PRODUCTS = [OneDnnMatmul, BlasMatmul]
BATCHES = [make_batch(SPEC, 32, k) for k in range(4)]


@given(configs, specs, st.integers(1, 24), st.sampled_from([SMALL, (4, 4), (12,)]), st.sampled_from(PRODUCTS))
@fewer(2)
def test_learner_follows_the_textbook(config, spec, size, widths, products):
    with hidden(widths), multiplied_by(products):
        batches = [make_batch(spec, size, k) for k in range(4)]
        assert_agree(Learner(config, spec, CPU), spec, batches, skip_kinks=True)


@pytest.mark.parametrize("products", PRODUCTS)
def test_learner_of_default_size_follows_the_textbook(products):
    spec = make_spec(48, [-1.0] * 7 + [-0.01], [1.0] * 7 + [0.04])
    batches = [make_batch(spec, 256, k) for k in range(3)]
    # So many gradients are there that some are as small as rounding, and Adam makes steps of full size from them.
    with multiplied_by(products):
        assert_agree(Learner(TrainConfig(tau=0.25), spec, CPU), spec, batches, tolerance=5e-3)


class NoEntropyInTarget(Learner):
    def bellman_target(self, batch, next_sample, alpha):
        return super().bellman_target(batch, next_sample, torch.zeros_like(alpha))


class MaximumInTarget(Learner):
    def bellman_target(self, batch, next_sample, alpha):
        q, _ = self.targets.forward(torch.cat([batch.next_observation, next_sample.action], -1))
        soft_value = q.amax(0) - alpha * next_sample.log_prob
        return batch.reward + (1 - batch.stop_bootstrap) * self.config.gamma * soft_value


class BootstrapsThroughStop(Learner):
    def bellman_target(self, batch, next_sample, alpha):
        batch = dataclasses.replace(batch, stop_bootstrap=torch.zeros_like(batch.stop_bootstrap))
        return super().bellman_target(batch, next_sample, alpha)


class TargetFromLiveCritic(Learner):
    def bellman_target(self, batch, next_sample, alpha):
        kept, self.targets = self.targets, self.critics
        try:
            return super().bellman_target(batch, next_sample, alpha)
        finally:
            self.targets = kept


class HalfCriticLoss(Learner):
    def critic_loss(self, batch, target):
        losses, q = super().critic_loss(batch, target)
        return losses / 2, q


class SkipsOneCriticBias(Learner):
    def critic_loss(self, batch, target):
        found = super().critic_loss(batch, target)
        self.state.critic.views_of(self.critics.gradient)["bias.1"][1].zero_()
        return found


class NoEntropyInActor(Learner):
    def actor_loss(self, activations, sample, alpha):
        return super().actor_loss(activations, sample, torch.zeros_like(alpha))


class SpreadTakesNoGradient(Learner):
    def actor_loss(self, activations, sample, alpha):
        return super().actor_loss(activations, dataclasses.replace(sample, slope=0 * sample.slope), alpha)


class HalvesActionGradient(Learner):
    def actor_loss(self, activations, sample, alpha):
        whole = self.critics.input_gradient
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.critics, "input_gradient", lambda *arguments: whole(*arguments) / 2)
            return super().actor_loss(activations, sample, alpha)


class ForgetsActionScale(Learner):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.scale = dataclasses.replace(self.scale, log_scale_sum=0.0)


class SharesNoise(Learner):
    def update(self, batch, noise):
        return super().update(batch, noise[:1].expand_as(noise))


class WrongTargetEntropy(Learner):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.target_entropy = -self.target_entropy


class SlowTarget(Learner):
    def update(self, batch, noise):
        target = self.state.target.flat.clone()
        info = super().update(batch, noise)
        self.state.target.flat.lerp_(target, 0.5)
        return info


FAULTS = [
    *(NoEntropyInTarget, MaximumInTarget, BootstrapsThroughStop, TargetFromLiveCritic, HalfCriticLoss),
    *(SkipsOneCriticBias, NoEntropyInActor, SpreadTakesNoGradient, HalvesActionGradient, ForgetsActionScale),
    *(SharesNoise, WrongTargetEntropy, SlowTarget),
]


@pytest.mark.parametrize("products", PRODUCTS)
@pytest.mark.parametrize("kind", [Learner, *FAULTS])
def test_the_textbook_catches_a_learner_with_a_fault(kind, products):
    with hidden(SMALL), multiplied_by(products):
        learner = kind(TrainConfig(tau=0.25, gamma=0.9), SPEC, CPU)
        if kind is Learner:
            assert_agree(learner, SPEC, BATCHES)
        else:
            with pytest.raises(AssertionError):
                assert_agree(learner, SPEC, BATCHES)


def leaves(state):
    """Name -> bytes of every leaf."""
    return {
        name: leaf.detach().contiguous().numpy().tobytes() if isinstance(leaf, torch.Tensor) else leaf
        for name, leaf in walk(state)
    }


def updated(kind=Learner, batches=BATCHES, **flags):
    learner = kind(TrainConfig(**flags), SPEC, CPU)
    for batch, noise in batches:
        learner.update(batch, noise)
    return learner


def assert_pure(kind):
    """The same state, batch and noise give the same bits, whatever global generators and earlier calls did."""
    with hidden(SMALL):
        seen = []
        for seed in range(2):
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
            batches = copy.deepcopy(BATCHES)
            seen.append(leaves(updated(kind, batches).state))
            for (batch, noise), (old, old_noise) in zip(batches, BATCHES, strict=True):
                same = all(torch.equal(getattr(batch, name), getattr(old, name)) for name in vars(batch))
                assert same and torch.equal(noise, old_noise), "the batch was changed"
            assert random.getstate() == before[0] and np.random.get_state()[1].tolist() == before[1]
            assert torch.equal(torch.get_rng_state(), before[2]), "torch's generator was moved"
        # Which leaves differ, and not their bytes: pytest would lay megabytes side by side for a minute.
        assert [name for name in seen[0] if seen[0][name] != seen[1].get(name)] == [], "equal inputs gave other bits"
        assert seen[0].keys() == seen[1].keys()


class DrawsItsOwnNoise(Learner):
    def update(self, batch, noise):
        return super().update(batch, torch.randn_like(noise))


class ReadsNumPy(Learner):
    def update(self, batch, noise):
        return super().update(batch, noise + float(np.random.get_state()[1][0] % 7))


class ClampsReward(Learner):
    def update(self, batch, noise):
        batch.reward.clamp_(-1, 1)
        return super().update(batch, noise)


def test_update_is_a_pure_function():
    assert_pure(Learner)


@pytest.mark.parametrize("kind", [DrawsItsOwnNoise, ReadsNumPy, ClampsReward])
def test_purity_check_catches_a_learner_with_hidden_inputs(kind):
    with pytest.raises(AssertionError):
        assert_pure(kind)


class ReadsUnwritten(Learner):
    def actor_loss(self, activations, sample, alpha):
        return super().actor_loss(activations, sample, alpha + 0 * torch.empty(1))


@contextmanager
def new_tensors_filled(filled):
    """Every tensor that torch allocates is NaN until it is written, or what its memory held."""
    mode, fill = torch.get_deterministic_debug_mode(), torch.utils.deterministic.fill_uninitialized_memory
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = filled
    yield
    torch.set_deterministic_debug_mode(mode)
    torch.utils.deterministic.fill_uninitialized_memory = fill


@pytest.mark.parametrize("products", PRODUCTS)
@pytest.mark.parametrize("kind", [Learner, ReadsUnwritten])
def test_no_update_reads_memory_that_was_never_written(kind, products):
    with hidden(SMALL), multiplied_by(products):
        with new_tensors_filled(True):
            filled = updated(kind)
        with new_tensors_filled(False):
            plain = updated()
    assert (leaves(filled.state) == leaves(plain.state)) == (kind is Learner)


def transplanted(learner):
    """A fresh learner with another's state: nothing else of it may matter."""
    fresh = Learner(dataclasses.replace(learner.config, seed=learner.config.seed + 1), SPEC, CPU)
    for (name, leaf), (_, other) in zip(walk(fresh.state), walk(learner.state), strict=True):
        if isinstance(leaf, torch.Tensor):
            leaf.copy_(other)
        else:
            assert name == "updates"
    fresh.state.updates = learner.state.updates
    return fresh


@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
@fewer(4)
def test_all_that_an_update_reads_is_in_its_state(split, policy_frequency, target_frequency):
    flags = {"policy_frequency": policy_frequency, "target_network_frequency": target_frequency}
    with hidden(SMALL):
        whole = updated(batches=BATCHES, **flags)
        half = transplanted(updated(batches=BATCHES[:split], **flags))
        for batch, noise in BATCHES[split:]:
            half.update(batch, noise)
        assert leaves(half.state) == leaves(whole.state)


def test_transplant_check_catches_a_forgotten_count():
    with hidden(SMALL):
        whole = updated(batches=BATCHES, policy_frequency=2)
        half = transplanted(updated(batches=BATCHES[:1], policy_frequency=2))
        half.state.updates = 0
        for batch, noise in BATCHES[1:]:
            half.update(batch, noise)
        assert leaves(half.state) != leaves(whole.state)


def permuted(order, noise_order):
    with hidden(SMALL):
        learner = Learner(TrainConfig(), SPEC, CPU)
        start = leaves(learner.state)
        for batch, noise in BATCHES:
            shuffled = type(batch)(**{name: getattr(batch, name)[order] for name in vars(batch)})
            learner.update(shuffled, noise[:, noise_order])
        assert leaves(learner.state) != start
        return learner.state.critic.flat.double(), learner.state.actor.flat.double()


@given(st.permutations(range(32)))
@fewer(5)
def test_a_permuted_batch_changes_parameters_only_by_rounding(order):
    plain, found = permuted(range(32), range(32)), permuted(order, order)
    with hidden(SMALL):
        fresh = Learner(TrainConfig(), SPEC, CPU).state
    starts = fresh.critic.flat.double(), fresh.actor.flat.double()
    for found_flat, plain_flat, start in zip(found, plain, starts, strict=True):
        assert way_error(found_flat, plain_flat, start) < WAY_ERROR


def test_permutation_check_catches_noise_that_stays_behind():
    order = [*range(1, 32), 0]
    plain, found = permuted(range(32), range(32)), permuted(order, range(32))
    with hidden(SMALL):
        start = Learner(TrainConfig(), SPEC, CPU).state.actor.flat.double()
    assert way_error(found[1], plain[1], start) > 10 * WAY_ERROR


class ActorLossMovesCritic(Learner):
    def actor_loss(self, activations, sample, alpha):
        self.state.critic.flat.mul_(1.0001)
        return super().actor_loss(activations, sample, alpha)


@pytest.mark.parametrize("kind, equal", [(Learner, True), (ActorLossMovesCritic, False)])
def test_critics_take_no_gradient_from_the_actors_loss(kind, equal):
    with hidden(SMALL):
        first = BATCHES[:1]
        with_actor, without = updated(kind, first).state, updated(kind, first, policy_frequency=99).state
    assert not torch.equal(with_actor.actor.flat, without.actor.flat)
    assert torch.equal(with_actor.critic.flat, without.critic.flat) == equal
    assert torch.equal(with_actor.critic_optim.exp_avg, without.critic_optim.exp_avg)


def test_no_leaf_of_the_state_holds_a_graph():
    with hidden(SMALL):
        learner = updated()
    tensors = [leaf for _, leaf in walk(learner.state) if isinstance(leaf, torch.Tensor)]
    tensors += [*learner.state.actor.views.values(), *learner.state.critic.views.values()]
    assert not any(tensor.requires_grad for tensor in tensors)


@pytest.mark.parametrize("bias, direction", [(-8.0, 1), (0.9, -1)])
@pytest.mark.parametrize("kind, right", [(Learner, True), (WrongTargetEntropy, False)])
def test_temperature_moves_towards_the_target_entropy(bias, direction, kind, right):
    with hidden(SMALL):
        spec = make_spec(5, [-1.0] * 3, [1.0] * 3)
        learner = kind(TrainConfig(), spec, CPU)
        learner.state.actor.views["weight.3"].zero_()
        learner.state.actor.views["bias.3"][3:] = bias
        batch, noise = BATCHES[0]
        _, log_prob = Textbook(learner, spec).sample(batch.observation.double(), noise[1].double())
        missing = -3.0 - float(-log_prob.detach().mean())
        assert abs(missing) > 0.5 and np.sign(missing) == direction
        before = learner.state.log_alpha.item()
        learner.update(batch, noise)
    moved = np.sign(learner.state.log_alpha.item() - before)
    # The faulty one aims at +3, which is above what either policy has.
    assert (moved == direction) == (right or direction == 1)


def test_temperature_stays_without_autotune():
    with hidden(SMALL):
        learner = updated(autotune=False, alpha=0.37)
    assert learner.state.log_alpha.item() == torch.tensor(0.37).log().item()
    assert not learner.state.alpha_optim.step.any()


@given(st.floats(1e-6, 1, exclude_min=True), st.integers(1, 4))
@fewer(4)
def test_target_update_is_exactly_the_lerp(tau, every):
    with hidden(SMALL):
        learner = Learner(TrainConfig(tau=tau, target_network_frequency=every), SPEC, CPU)
        for count, (batch, noise) in enumerate(BATCHES, 1):
            old = learner.state.target.flat.clone()
            learner.update(batch, noise)
            expected = torch.lerp(old, learner.state.critic.flat, tau) if count % every == 0 else old
            assert torch.equal(learner.state.target.flat, expected)
            exact = (1 - tau) * old.double() + tau * learner.state.critic.flat.double()
            if count % every == 0:
                assert torch.allclose(expected.double(), exact, rtol=0, atol=1e-7)
            else:
                assert not torch.allclose(old.double(), learner.state.critic.flat.double(), rtol=0, atol=1e-7)


def test_targets_begin_as_the_critics_and_critics_differ():
    with hidden(SMALL):
        state = Learner(TrainConfig(), SPEC, CPU).state
    assert torch.equal(state.target.flat, state.critic.flat)
    assert state.target.flat.data_ptr() != state.critic.flat.data_ptr()
    assert not torch.equal(state.critic.views["weight.0"][0], state.critic.views["weight.0"][1])


def test_weights_and_biases_begin_uniform_within_one_over_the_root_of_the_inputs():
    """torch.nn.Linear's default."""
    with hidden((64, 16, 48)):
        state = Learner(TrainConfig(), SPEC, CPU).state
    for parameters, inputs in ((state.actor, 5), (state.critic, 5 + 3)):
        for layer, count in enumerate((inputs, 64, 16, 48)):
            bound = count**-0.5
            drawn = torch.cat([parameters.views[f"{kind}.{layer}"].flatten() for kind in ("weight", "bias")])
            assert 0.8 * bound < drawn.abs().max() <= bound, f"layer {layer}"
            assert drawn.min() < 0 < drawn.max()


DONE = {"always": [0, 0, 0, 0], "never": [0, 1, 1, 1], "truncated": [0, 1, 0, 1]}
"""Mode -> stop, for (terminated, truncated) of no, yes no, no yes, yes yes."""


def rollout():
    terminated = torch.tensor([[False, True, False, True]])
    truncated = torch.tensor([[False, False, True, True]])
    sizes = {"observation": 5, "action": 3, "next_observation": 5}
    draws = {name: torch.from_numpy(Stream(3, name).normal(0, (1, 4, size))) for name, size in sizes.items()}
    return Rollout(
        **draws,
        reward=torch.tensor([[0.5, -1.0, 2.0, 0.25]]),
        terminated=terminated,
        truncated=truncated,
        reset_seed=torch.full((1, 4), -1),
    )


@pytest.mark.parametrize("mode", DONE)
def test_bellman_target_bootstraps_where_the_mode_says(mode):
    layout = RowLayout(SPEC.observation_dim, SPEC.action_dim)
    batch = layout.unpack(rollout().pack(layout, mode).flatten(0, 1))
    noise = torch.from_numpy(Stream(3, "noise").normal(0, (4, 3)))
    with hidden(SMALL):
        learner = Learner(TrainConfig(gamma=0.9), SPEC, CPU)
        sample = sample_policy(learner.actor.forward(batch.next_observation)[-1], learner.scale, noise)
        target = learner.bellman_target(batch, sample, learner.alpha)
        through = BootstrapsThroughStop(learner.config, SPEC, CPU).bellman_target(batch, sample, learner.alpha)
    assert (target == batch.reward).int().tolist() == DONE[mode]
    assert not (through == batch.reward).any()


@given(specs, st.floats(0, 30))
@fewer(2)
def test_actions_lie_in_the_box(spec, spread):
    with hidden(SMALL):
        learner = Learner(TrainConfig(), spec, CPU)
        batch, noise = make_batch(spec, 16)
        actions = [learner.act(batch.observation * 10, noise[0] * spread), learner.act_mean(batch.observation * 100)]
    low, high = torch.from_numpy(spec.action_low), torch.from_numpy(spec.action_high)
    slack = 1e-6 * torch.maximum(low.abs(), high.abs())
    for action in actions:
        assert action.shape == (16, spec.action_dim)
        assert ((action >= low - slack) & (action <= high + slack)).all()


def test_without_noise_the_policy_takes_its_mean():
    with hidden(SMALL):
        learner = updated()
        observation = BATCHES[0][0].observation
        assert torch.equal(learner.act(observation, torch.zeros(32, 3)), learner.act_mean(observation))
        assert not torch.equal(learner.act(observation, torch.ones(32, 3)), learner.act_mean(observation))
