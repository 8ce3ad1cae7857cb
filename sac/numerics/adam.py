"""Adam (Kingma and Ba, 2015) on flat parameters."""

from __future__ import annotations

import torch
from torch.optim.adam import adam

from sac.state import AdamState


def adam_step(flat: torch.Tensor, grad: torch.Tensor, moments: AdamState, lr: float) -> None:
    """Take one step of torch's Adam (its functional form, fused) on flat parameters (n,), in place.

    The class torch.optim.Adam computes the same, but loads torch's compiler, which takes seconds in every process.

    Args:
        flat: (n,) parameters.
        grad: (n,) their gradient.
        moments: first and second moments (n,), and the step.
        lr: learning rate.
    """
    adam(
        [flat],
        [grad],
        [moments.exp_avg],
        [moments.exp_avg_sq],
        [],
        [moments.step],
        fused=True,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        lr=lr,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
