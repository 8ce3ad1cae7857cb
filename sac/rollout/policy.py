"""The policy as one launch on a GPU: a step of the environments has only a few observations."""

from __future__ import annotations

from typing import Protocol

import torch

from sac.learner.cuda_graph import CapturedCall


class ActingPolicy(Protocol):
    """What chooses actions."""

    def act(self, observation: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions (N, A) for observations (N, O) and standard normal noise (N, A), on the learner's device."""
        ...


class CapturedPolicy:
    """Another policy's `act` as a CUDA graph, for one number of environments.

    Args:
        policy: acts, with parameters that stay where they are in memory.
        shape: N, O and A.
        device: the GPU.
    """

    def __init__(self, policy: ActingPolicy, shape: tuple[int, int, int], device: torch.device) -> None:
        envs, observations, actions = shape
        self._observation = torch.zeros((envs, observations), device=device)
        self._noise = torch.zeros((envs, actions), device=device)
        self._call = CapturedCall(lambda: policy.act(self._observation, self._noise), torch.cuda.Stream(device))

    def act(self, observation: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions (N, A) for observations (N, O) and noise (N, A), which may be on the host."""
        self._observation.copy_(observation)
        self._noise.copy_(noise)
        # A copy: environments on the GPU would otherwise keep actions that the next call overwrites.
        return self._call().clone()
