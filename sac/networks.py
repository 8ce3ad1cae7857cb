"""Actor and critic ensemble as functions of their parameters.

Architecture of ManiSkill's `sac.py`: three hidden layers of 256 ReLU units each; a Gaussian policy squashed by tanh
(Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, appendix C) with log standard deviation in
[-5, 2]. The E critics are one batched ensemble: every weight has a leading axis E and every layer is one product.

tanh, exp and log are written through sigmoid, expm1 and softplus: torch computes these by vector kernels of its own,
whose rounding does not depend on the CPU's vendor as that of its library functions does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import softplus

from sac.state import Parameters
from sac.streams import Stream

HIDDEN = (256, 256, 256)
NUM_CRITICS = 2
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
_LOG_2 = math.log(2.0)
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)

Views = dict[str, torch.Tensor]


@dataclass(frozen=True)
class ActionScale:
    """The affine map from (-1, 1) to the action box: action = scale * squashed + bias; both (A,) float32."""

    scale: torch.Tensor
    bias: torch.Tensor
    log_scale_sum: float

    @classmethod
    def of(cls, low: np.ndarray, high: np.ndarray, device: torch.device) -> ActionScale:
        """The map for the box [low, high]."""
        scale = (high.astype(np.float32) - low.astype(np.float32)) / np.float32(2)
        bias = (high.astype(np.float32) + low.astype(np.float32)) / np.float32(2)
        log_scale_sum = float(np.log(scale.astype(np.float64)).sum())
        return cls(torch.from_numpy(scale).to(device), torch.from_numpy(bias).to(device), log_scale_sum)


def actor_shapes(observation_dim: int, action_dim: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the actor's parameters; weights are (in, out). The last layer gives mean and log-std."""
    widths = (observation_dim, *HIDDEN, 2 * action_dim)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"weight.{layer}"] = (fan_in, fan_out)
        shapes[f"bias.{layer}"] = (fan_out,)
    return shapes


def critic_shapes(observation_dim: int, action_dim: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the critic ensemble's parameters; weights are (E, in, out), biases (E, 1, out)."""
    widths = (observation_dim + action_dim, *HIDDEN, 1)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"weight.{layer}"] = (NUM_CRITICS, fan_in, fan_out)
        shapes[f"bias.{layer}"] = (NUM_CRITICS, 1, fan_out)
    return shapes


def initialize(parameters: Parameters, stream: Stream) -> None:
    """Draw weights and biases uniformly from ±1/sqrt(fan_in), torch.nn.Linear's default; layer l is block l."""
    for layer in range(len(parameters.views) // 2):
        weight, bias = parameters.views[f"weight.{layer}"], parameters.views[f"bias.{layer}"]
        bound = np.float32(1.0 / math.sqrt(weight.shape[-2]))
        draws = stream.uniform(layer, (weight.numel() + bias.numel(),)) * (2 * bound) - bound
        weight.copy_(torch.from_numpy(draws[: weight.numel()]).view_as(weight))
        bias.copy_(torch.from_numpy(draws[weight.numel() :]).view_as(bias))


def actor_forward(actor: Views, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log standard deviation, (B, A) each, of the Gaussian before squashing, for observations (B, O)."""
    hidden = observation
    for layer in range(len(HIDDEN)):
        hidden = torch.relu(torch.addmm(actor[f"bias.{layer}"], hidden, actor[f"weight.{layer}"]))
    head = torch.addmm(actor[f"bias.{len(HIDDEN)}"], hidden, actor[f"weight.{len(HIDDEN)}"])
    mean, raw_log_std = head.chunk(2, dim=-1)
    log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (_tanh(raw_log_std) + 1)
    return mean, log_std


def sample_action(
    actor: Views, scale: ActionScale, observation: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Reparameterised action (B, A) and its log-probability (B,), for standard normal noise (B, A).

    Equation 21 of Haarnoja et al. 2018 with log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), which does not cancel.
    """
    mean, log_std = actor_forward(actor, observation)
    pre_squash = mean + _exp(log_std) * noise
    log_normal = -0.5 * noise * noise - log_std - _HALF_LOG_2_PI
    log_squash = 2 * (_LOG_2 - pre_squash - softplus(-2 * pre_squash))
    log_prob = (log_normal - log_squash).sum(dim=-1) - scale.log_scale_sum
    return _tanh(pre_squash) * scale.scale + scale.bias, log_prob


def mean_action(actor: Views, scale: ActionScale, observation: torch.Tensor) -> torch.Tensor:
    """The deterministic action (B, A) that evaluation takes: the squashed mean."""
    mean, _ = actor_forward(actor, observation)
    return _tanh(mean) * scale.scale + scale.bias


def critic_forward(critic: Views, observation_action: torch.Tensor) -> torch.Tensor:
    """Q-values (E, B) of the ensemble for inputs (B, O + A)."""
    hidden = observation_action.expand(NUM_CRITICS, -1, -1)
    for layer in range(len(HIDDEN)):
        hidden = torch.relu(torch.baddbmm(critic[f"bias.{layer}"], hidden, critic[f"weight.{layer}"]))
    last = len(HIDDEN)
    return torch.baddbmm(critic[f"bias.{last}"], hidden, critic[f"weight.{last}"]).squeeze(-1)


def _tanh(x: torch.Tensor) -> torch.Tensor:
    return 2 * torch.sigmoid(2 * x) - 1


def _exp(x: torch.Tensor) -> torch.Tensor:
    return torch.expm1(x) + 1
