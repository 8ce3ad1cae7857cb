"""Gradient steps while environments step, in an order that is fixed in advance.

In iteration k the environments act by the parameters that iteration k - 1 left, and the learner draws from the rollouts
up to k - 1. Neither waits for the other, and no bit depends on which is first. docs/overlap.md draws it.
"""

from __future__ import annotations

import torch

from sac.learner.networks import Actor, sample_policy
from sac.learner.sac import Learner
from sac.state import Parameters


class ActorCopy:
    """The policy as it was at the last copy, whatever the learner does to its own parameters meanwhile.

    Not a part of `TrainState`: each iteration copies it when it begins, and nobody reads it after the iteration's end.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        own = learner.state.actor
        device = own.flat.device
        self._parameters = Parameters.zeros({name: tuple(view.shape) for name, view in own.views.items()}, device)
        self._actor = Actor(learner.matmul, self._parameters)

    def refresh(self) -> None:
        """Copy the learner's actor, on the device and without waiting for it."""
        self._parameters.flat.copy_(self._learner.state.actor.flat)

    @torch.no_grad()
    def act(self, observation: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Stochastic actions (N, A) for observations (N, O) and standard normal noise (N, A)."""
        return sample_policy(self._actor.forward(observation)[-1], self._learner.scale, noise).action


def chunk_sizes(count: int, chunks: int) -> list[int]:
    """Cut `count` gradient steps into `chunks` chunks, as evenly as possible."""
    return [(chunk + 1) * count // chunks - chunk * count // chunks for chunk in range(chunks)]
