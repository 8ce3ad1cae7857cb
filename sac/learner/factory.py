"""Choose the learner for this machine, as `numerics.matmul` decides."""

from __future__ import annotations

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.sac import Learner
from sac.numerics.matmul import is_fused


def make_learner(config: TrainConfig, spec: EnvSpec, device: torch.device) -> Learner:
    """Return a `Learner`, or its fused form on a GPU with Triton."""
    if not is_fused(device):
        return Learner(config, spec, device)
    # Loads Triton, which takes a second and is not there on every machine.
    from sac.learner.fused import FusedLearner

    return FusedLearner(config, spec, device)
