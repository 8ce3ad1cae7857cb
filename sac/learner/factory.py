"""Which of the ways to compute an update this machine takes.

Ways differ in rounding, so the choice is a function of the device and the installed packages alone, and its name is
part of the run's fingerprint.
"""

from __future__ import annotations

import importlib.util

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.sac import Learner
from sac.numerics.matmul import products_for

FUSED = "blas+triton"


def strategy_name(device: torch.device, *, portable: bool) -> str:
    """Name of the way that updates are computed on `device`."""
    return FUSED if _fused(device) else products_for(device, portable=portable).name


def make_learner(config: TrainConfig, spec: EnvSpec, device: torch.device) -> Learner:
    """The learner of this machine: `Learner`, or on a GPU with Triton its fused form."""
    if not _fused(device):
        return Learner(config, spec, device)
    # Loads Triton, which takes a second and is not there on every machine.
    from sac.learner.fused import FusedLearner

    return FusedLearner(config, spec, device)


def _fused(device: torch.device) -> bool:
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
