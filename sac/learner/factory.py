"""Choose the learner for this machine, as `numerics.matmul` decides."""

from __future__ import annotations

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.sac import Learner
from sac.numerics.fixed_order import own_kernels
from sac.numerics.matmul import has_kernels, is_fused


def make_learner(config: TrainConfig, spec: EnvSpec, device: torch.device) -> Learner:
    """Return a `Learner`, its fused form on a GPU with Triton, or under ``fast`` on a CPU the one with own kernels."""
    if has_kernels(device, config.numerics):
        # Loads LLVM, which is not there on every machine.
        from sac.learner.fixed_order import FixedOrderLearner

        return FixedOrderLearner(config, spec, device, own_kernels())
    if not is_fused(device):
        return Learner(config, spec, device)
    # Loads Triton, which takes a second and is not there on every machine.
    from sac.learner.fused import FusedLearner

    return FusedLearner(config, spec, device)
