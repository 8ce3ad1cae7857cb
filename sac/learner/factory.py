"""Choose the learner for this machine, as `numerics.matmul` decides."""

from __future__ import annotations

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.sac import Learner
from sac.numerics.matmul import has_kernels, is_fused


def make_learner(config: TrainConfig, spec: EnvSpec, device: torch.device) -> Learner:
    """Return a learner of the kind that this machine has for the device."""
    return learner_kind(device)(config, spec, device)


def learner_kind(device: torch.device) -> type[Learner]:
    """Return the learner with the project's kernels on a CPU that can run them, and on a GPU with Triton its own.

    Where neither applies, it is `Learner` itself.
    """
    if has_kernels(device):
        # Loads LLVM.
        from sac.learner.fixed_order import FixedOrderLearner

        return FixedOrderLearner
    if is_fused(device):
        # Loads Triton, which takes a second and is not there on every machine.
        from sac.learner.fused import FusedLearner

        return FusedLearner
    return Learner
