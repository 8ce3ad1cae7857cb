"""The update by kernels: SAC as the textbook has it, with the same bits at any number of threads and vector width."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.kernels import threads
from sac.kernels.machine_code import kernels
from sac.learner.fixed_order import FixedOrderLearner
from sac.learner.networks import ActionScale
from sac.learner.sac import Learner
from sac.state import walk
from tests.examples import fewer
from tests.reference.textbook import assert_agree
from tests.unit.kernels.native import OFFERED, each_level
from tests.unit.learner.cases import SMALL, SPEC, hidden, make_batch, make_spec
from tests.unit.learner.test_sac import BATCHES, configs, leaves, new_tensors_filled, specs

pytestmark = pytest.mark.skipif(not OFFERED, reason="this CPU has no FMA")
CPU = torch.device("cpu")


def make(config=None, spec=SPEC, level=None, kind=FixedOrderLearner):
    return kind(config or TrainConfig(tau=0.25), spec, CPU, kernels(level or OFFERED[0]))


@pytest.fixture
def count():
    """Sets the number of threads; afterwards there is one."""
    yield threads.use
    threads.use(1)


@given(configs, specs, st.integers(1, 24), st.sampled_from([SMALL, (4, 4), (12,), (20, 40)]))
@fewer(2)
def test_it_follows_the_textbook(config, spec, size, widths):
    with hidden(widths):
        batches = [make_batch(spec, size, k) for k in range(4)]
        assert_agree(make(config, spec), spec, batches, skip_kinks=True)


@each_level
def test_at_default_size_it_follows_the_textbook(level):
    spec = make_spec(48, [-1.0] * 7 + [-0.01], [1.0] * 7 + [0.04])
    batches = [make_batch(spec, 256, k) for k in range(3)]
    assert_agree(make(TrainConfig(tau=0.25), spec, level), spec, batches, tolerance=5e-3)


class SharesNoise(FixedOrderLearner):
    def update(self, batch, noise):
        return super().update(batch, noise[:1].expand_as(noise))


class WrongTargetEntropy(FixedOrderLearner):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.target_entropy = -self.target_entropy


class ForgetsActionScale(FixedOrderLearner):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.scale = ActionScale(self.scale.scale, self.scale.bias, 0.0)


class SlowTarget(FixedOrderLearner):
    def update(self, batch, noise):
        target = self.state.target.flat.clone()
        info = super().update(batch, noise)
        self.state.target.flat.lerp_(target, 0.5)
        return info


class ForgetsLastRow(FixedOrderLearner):
    def update(self, batch, noise):
        fewer_rows = type(batch)(**{name: value[:-1] for name, value in vars(batch).items()})
        return super().update(fewer_rows, noise[:, :-1])


@pytest.mark.parametrize(
    "kind", [FixedOrderLearner, SharesNoise, WrongTargetEntropy, ForgetsActionScale, SlowTarget, ForgetsLastRow]
)
def test_the_textbook_catches_a_fault(kind):
    with hidden(SMALL):
        learner = make(TrainConfig(tau=0.25, gamma=0.9), kind=kind)
        if kind is FixedOrderLearner:
            assert_agree(learner, SPEC, BATCHES)
        else:
            with pytest.raises(AssertionError):
                assert_agree(learner, SPEC, BATCHES)


def bits(spec, batches, level, config=None):
    learner = make(config, spec, level)
    reports = [vars(learner.update(*batch)) for batch in batches]
    reported = [None if value is None else value.tolist() for report in reports for value in report.values()]
    return leaves(learner.state), reported


@pytest.mark.parametrize("size", [1, 13, 24, 256, 300])
@pytest.mark.parametrize("widths", [SMALL, (100, 256)])
def test_neither_threads_nor_vector_width_change_a_bit(size, widths, count):
    batches = [make_batch(SPEC, size, k) for k in range(3)]
    with hidden(widths):
        found = []
        for level in OFFERED:
            for number in (1, 2, 3, 4, 8):
                count(number)
                found.append(bits(SPEC, batches, level))
    assert all(one == found[0] for one in found[1:])


def test_delayed_updates_leave_what_is_not_due(count):
    config = TrainConfig(policy_frequency=2, target_network_frequency=3)
    with hidden(SMALL):
        learner, plain = make(config), Learner(config, SPEC, CPU)
        for batch, noise in BATCHES:
            before = leaves(learner.state)
            info, expected = learner.update(batch, noise), plain.update(batch, noise)
            assert [value is None for value in vars(info).values()] == [v is None for v in vars(expected).values()]
            after, step = leaves(learner.state), learner.state.updates
            assert (before["actor.flat"] == after["actor.flat"]) == bool(step % 2)
            assert (before["log_alpha"] == after["log_alpha"]) == bool(step % 2)
            assert (before["target.flat"] == after["target.flat"]) == bool(step % 3)


def test_all_that_an_update_reads_is_in_its_state():
    """Copies of weights that an earlier update made must not be taken for those that were put in since."""
    with hidden(SMALL):
        whole, other = make(), make(TrainConfig(seed=5, tau=0.25))
        other.update(*BATCHES[3])
        for batch in BATCHES[:2]:
            whole.update(*batch)
        for (name, leaf), (_, given) in zip(walk(other.state), walk(whole.state), strict=True):
            if isinstance(leaf, torch.Tensor):
                leaf.copy_(given)
            else:
                assert name == "updates"
        other.state.updates = whole.state.updates
        for learner in (whole, other):
            learner.update(*BATCHES[2])
        assert leaves(other.state) == leaves(whole.state)


def test_no_update_reads_memory_that_was_never_written_or_changes_its_batch():
    batch, _ = BATCHES[0]
    copies = {name: value.clone() for name, value in vars(batch).items()}
    with hidden(SMALL):
        with new_tensors_filled(True):
            filled = bits(SPEC, BATCHES, OFFERED[0])
        assert filled == bits(SPEC, BATCHES, OFFERED[0])
    assert all(torch.equal(getattr(batch, name), value) for name, value in copies.items())


def test_batches_of_other_sizes_and_strides_give_what_they_hold():
    batch, noise = make_batch(SPEC, 16, 9)
    apart = type(batch)(**{name: value.clone().contiguous() for name, value in vars(batch).items()})
    with hidden(SMALL):
        learner, other = make(), make()
        for one in (BATCHES[0], (batch, noise), BATCHES[1]):
            learner.update(*one)
        for one in (BATCHES[0], (apart, noise), BATCHES[1]):
            other.update(*one)
    assert leaves(learner.state) == leaves(other.state)


@pytest.mark.parametrize("where", ["reward", "observation"])
def test_what_is_not_a_number_is_not_lost(where):
    batch, noise = make_batch(SPEC, 16, 9)
    getattr(batch, where)[3] = torch.nan
    with hidden(SMALL):
        learner = make()
        info = learner.update(batch, noise)
    assert info.critic_losses.isnan().all() and learner.state.critic.flat.isnan().any()
