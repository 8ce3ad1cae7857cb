"""The fused learner is the learner: held against the textbook, on a GPU, or on a CPU by Triton's interpreter."""

import importlib.util
import os

import numpy as np
import pytest
import torch

TRITON = importlib.util.find_spec("triton") is not None
pytestmark = pytest.mark.skipif(not TRITON, reason="Triton is not installed (it comes with torch's CUDA builds)")
if TRITON and not torch.cuda.is_available():
    # Read when the kernels are defined, below.
    os.environ["TRITON_INTERPRET"] = "1"

from sac.config import TrainConfig  # noqa: E402
from tests.reference.textbook import assert_agree  # noqa: E402
from tests.unit.learner.cases import SMALL, SPEC, hidden, make_batch, make_spec  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fused(config, spec):
    from sac.learner.fused import FusedLearner

    return FusedLearner(config, spec, DEVICE)


def on_device(batch, noise):
    rows = torch.cat(
        [batch.observation_action, batch.reward[:, None], batch.stop_bootstrap[:, None], batch.next_observation], dim=1
    ).to(DEVICE)
    from sac.replay import RowLayout

    layout = RowLayout(batch.observation.shape[1], batch.action.shape[1])
    return layout.unpack(rows), noise.to(DEVICE)


class OnHost:
    """A learner on any device, as the textbook compares it: with batches and results on the host."""

    def __init__(self, learner):
        self.learner, self.config = learner, learner.config

    @property
    def state(self):
        return HostState(self.learner.state)

    def update(self, batch, noise):
        info = self.learner.update(*on_device(batch, noise))
        return type(info)(**{name: None if part is None else part.cpu() for name, part in vars(info).items()})


class HostState:
    def __init__(self, state):
        for name in ("actor", "critic", "target"):
            parameters = getattr(state, name)
            flat = parameters.flat.cpu()
            setattr(self, name, type(parameters)(flat, parameters.views_of(flat)))
        for name in ("actor_optim", "critic_optim"):
            moments = getattr(state, name)
            setattr(self, name, type(moments)(*(part.cpu() for part in vars(moments).values())))
        self.log_alpha = state.log_alpha.cpu()


CONFIGS = {
    "default": {},
    "delayed": {"policy_frequency": 2, "target_network_frequency": 3},
    "fixed temperature": {"autotune": False, "alpha": 0.3},
}


@pytest.mark.parametrize("flags", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("widths, size", [(SMALL, 32), ((12, 12, 12), 24), ((4, 4, 4), 1)])
def test_the_fused_learner_follows_the_textbook(flags, widths, size):
    with hidden(widths):
        batches = [make_batch(SPEC, size, k) for k in range(4)]
        learner = fused(TrainConfig(tau=0.25, gamma=0.9, batch_size=size, **flags), SPEC)
        assert_agree(OnHost(learner), SPEC, batches, skip_kinks=True)


def test_the_fused_learner_of_default_size_follows_the_textbook():
    spec = make_spec(48, [-1.0] * 7 + [-0.01], [1.0] * 7 + [0.04])
    batches = [make_batch(spec, 256, k) for k in range(3)]
    learner = fused(TrainConfig(tau=0.25, batch_size=256), spec)
    assert_agree(OnHost(learner), spec, batches, tolerance=5e-3)


@pytest.mark.parametrize("fault", ["log_prob", "slope", "squashed", "spread"])
def test_the_textbook_catches_a_fused_learner_with_a_fault(fault, monkeypatch):
    from sac.learner import fused_kernels

    whole = fused_kernels.sample_policy

    def faulty(head, scale, noise, out):
        whole(head, scale, noise, out)
        getattr(out, fault).mul_(1.01)

    monkeypatch.setattr(fused_kernels, "sample_policy", faulty)
    with hidden(SMALL), pytest.raises(AssertionError):
        batches = [make_batch(SPEC, 32, k) for k in range(2)]
        assert_agree(OnHost(fused(TrainConfig(batch_size=32), SPEC)), SPEC, batches)


@pytest.mark.skipif(DEVICE.type != "cuda", reason="streams and graphs are a GPU's")
@pytest.mark.parametrize("flags", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_captured_gradient_step_has_the_bits_of_an_eager_one(flags, recorded):
    assert _bits(flags, recorded, cuda_graph=True) == _bits(flags, recorded, cuda_graph=False)


@pytest.mark.skipif(DEVICE.type != "cuda", reason="streams and graphs are a GPU's")
def test_the_graph_comparison_catches_other_noise():
    assert _bits({}, False, cuda_graph=True) != _bits({"seed": 2}, False, cuda_graph=False)


def _bits(flags, recorded, cuda_graph):
    """Digests of learner and reports after six iterations, the first eager, the second captured, then replayed."""
    from sac.digest import digest
    from sac.learner.gradient_steps import GradientSteps
    from sac.replay import ReplayBuffer, RowLayout
    from sac.state import walk
    from sac.streams import Stream, Streams

    config = TrainConfig(batch_size=256, training_freq=64, utd=0.125, buffer_size=4096, cuda_graph=cuda_graph, **flags)
    box = np.ones(7, np.float32)
    spec = make_spec(48, -box, box)
    layout = RowLayout(48, 7)
    replay = ReplayBuffer(layout, 16, 4096, DEVICE)
    replay.add(torch.from_numpy(Stream(7, "rows").normal(0, (128, 16, layout.width))).to(DEVICE))
    learner = fused(config, spec)
    steps = GradientSteps(config, learner, replay, Streams(config.seed))
    found = []
    for iteration in range(6):
        chunks = steps.begin(iteration, [4, 3, 1], recorded=recorded)
        for _ in range(3):
            chunks.take_chunk()
        updates = chunks.updates()
        info = [part for part in vars(updates.info).values() if part is not None]
        found.append(digest(info if updates.sums is None else [*info, updates.sums.batches]))
    tensors = [leaf for _, leaf in walk(learner.state) if isinstance(leaf, torch.Tensor)]
    return [*found, digest(tensors), learner.state.updates]
