"""Actor, critic ensemble, and the squashed Gaussian policy.

Architecture of ManiSkill's `sac.py`: three hidden layers of 256 ReLU units each; a Gaussian policy squashed by tanh
(Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, appendix C) with log standard deviation in
[-5, 2]. The E critics are one ensemble: every parameter has a leading axis E, and all share one flat tensor.

tanh, exp and log are written through sigmoid, expm1 and softplus. torch computes these with its own vector kernels,
whose rounding does not depend on the CPU's vendor; the rounding of its library functions does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import softplus

from sac.learner import mlp
from sac.numerics.matmul import Matmul
from sac.state import Parameters
from sac.streams import Stream

HIDDEN = (256, 256, 256)
NUM_CRITICS = 2
LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
_HALF_RANGE = 0.5 * (LOG_STD_MAX - LOG_STD_MIN)
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
        """Return the map for the box [low, high], both (A,)."""
        scale = (high.astype(np.float32) - low.astype(np.float32)) / np.float32(2)
        bias = (high.astype(np.float32) + low.astype(np.float32)) / np.float32(2)
        log_scale_sum = float(np.log(scale.astype(np.float64)).sum())
        return cls(torch.from_numpy(scale).to(device), torch.from_numpy(bias).to(device), log_scale_sum)


def actor_shapes(observation_dim: int, action_dim: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the actor's parameters: weights (in, out); the last layer gives mean and log-std."""
    widths = (observation_dim, *HIDDEN, 2 * action_dim)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"weight.{layer}"] = (fan_in, fan_out)
        shapes[f"bias.{layer}"] = (fan_out,)
    return shapes


def critic_shapes(observation_dim: int, action_dim: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the critic ensemble's parameters: weights (E, in, out), biases (E, 1, out)."""
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


Activations = list[torch.Tensor]


class Actor:
    """The policy network: maps observations (B, O) to a head (B, 2A) of means and raw log standard deviations."""

    def __init__(self, matmul: Matmul, parameters: Parameters) -> None:
        self.gradient = torch.zeros_like(parameters.flat)
        self._matmul = matmul
        self._layers = _layers(parameters.views, parameters.views_of(self.gradient))

    def forward(self, observation: torch.Tensor) -> Activations:
        """Return all activations for observations (B, O): the last is the head (B, 2A)."""
        return mlp.forward(self._matmul, self._layers, observation)

    def backward(self, activations: Activations, gradient: torch.Tensor) -> None:
        """Propagate the head's gradient (B, 2A) to the parameters, into `self.gradient`."""
        mlp.backward(self._matmul, self._layers, activations, gradient, parameters=True, inputs=None)


class CriticEnsemble:
    """E critics: map observations and actions, side by side (B, O + A), to values (E, B)."""

    def __init__(self, matmul: Matmul, parameters: Parameters) -> None:
        self.gradient = torch.zeros_like(parameters.flat)
        self._matmul = matmul
        views, gradients = parameters.views, parameters.views_of(self.gradient)
        if matmul.batched:
            self._members = [_layers(views, gradients)]
        else:
            self._members = [_layers(_member(views, e), _member(gradients, e)) for e in range(NUM_CRITICS)]

    def forward(self, observation_action: torch.Tensor) -> tuple[torch.Tensor, list[Activations]]:
        """Return values (E, B) for inputs (B, O + A), and what `backward` needs."""
        activations = [mlp.forward(self._matmul, member, observation_action) for member in self._members]
        values = [activation[-1].squeeze(-1) for activation in activations]
        return (values[0] if self._matmul.batched else torch.stack(values)), activations

    def backward(self, activations: list[Activations], gradient: torch.Tensor) -> None:
        """Propagate the values' gradient (E, B) to the parameters, into `self.gradient`."""
        for member, activation, column in self._paired(activations, gradient):
            mlp.backward(self._matmul, member, activation, column, parameters=True, inputs=None)

    def input_gradient(self, activations: list[Activations], gradient: torch.Tensor, columns: slice) -> torch.Tensor:
        """Propagate the values' gradient (E, B) to some input columns, summed over the critics: (B, columns).

        The critics' parameters are constants here: their gradients stay as they are.
        """
        found = [
            mlp.backward(self._matmul, member, activation, column, parameters=False, inputs=columns)
            for member, activation, column in self._paired(activations, gradient)
        ]
        parts = [part for part in found if part is not None]
        return parts[0].sum(dim=0) if self._matmul.batched else torch.stack(parts).sum(dim=0)

    def _paired(
        self, activations: list[Activations], gradient: torch.Tensor
    ) -> Iterator[tuple[mlp.Layers, Activations, torch.Tensor]]:
        columns = gradient.unsqueeze(-1)
        pieces = [columns] if self._matmul.batched else list(columns)
        return zip(self._members, activations, pieces, strict=True)


def _layers(views: Views, gradients: Views) -> mlp.Layers:
    depth = len(views) // 2
    names = [(f"weight.{layer}", f"bias.{layer}") for layer in range(depth)]
    return tuple(mlp.Layer(views[w], views[b], gradients[w], gradients[b]) for w, b in names)


def _member(views: Views, index: int) -> Views:
    """One critic's parameters: weights (in, out), biases (out,)."""
    return {name: view[index, 0] if name.startswith("bias") else view[index] for name, view in views.items()}


@dataclass(frozen=True)
class PolicySample:
    """An action drawn from the policy by reparameterisation, and the parts of it that its gradient needs.

    With noise e, mean m, standard deviation s: u = m + s e, squashed = tanh(u), action = scale * squashed + bias.

    Attributes:
        action: (B, A).
        log_prob: (B,) log pi(action | observation).
        squashed: (B, A) tanh(u).
        spread: (B, A) s e, which is du / d log s.
        slope: (B, A) d log s / d (the head's raw log-std).
    """

    action: torch.Tensor
    log_prob: torch.Tensor
    squashed: torch.Tensor
    spread: torch.Tensor
    slope: torch.Tensor

    def rows(self, rows: slice) -> PolicySample:
        """Return the sample of some rows of the batch."""
        parts = (self.action, self.log_prob, self.squashed, self.spread, self.slope)
        return PolicySample(*(part[rows] for part in parts))


def sample_policy(head: torch.Tensor, scale: ActionScale, noise: torch.Tensor) -> PolicySample:
    """Draw actions for heads (B, 2A) with standard normal noise (B, A).

    Equation 21 of Haarnoja et al. 2018 with log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), which does not cancel.
    """
    mean, raw_log_std = head.chunk(2, dim=-1)
    raw = _tanh(raw_log_std)
    log_std = LOG_STD_MIN + _HALF_RANGE * (raw + 1)
    spread = _exp(log_std) * noise
    pre_squash = mean + spread
    squashed = _tanh(pre_squash)
    log_normal = -0.5 * noise * noise - log_std - _HALF_LOG_2_PI
    log_squash = 2 * (_LOG_2 - pre_squash - softplus(-2 * pre_squash))
    return PolicySample(
        action=squashed * scale.scale + scale.bias,
        log_prob=(log_normal - log_squash).sum(dim=-1) - scale.log_scale_sum,
        squashed=squashed,
        spread=spread,
        slope=_HALF_RANGE * (1 - raw * raw),
    )


def policy_gradient(
    sample: PolicySample, scale: ActionScale, log_prob_gradient: torch.Tensor, action_gradient: torch.Tensor
) -> torch.Tensor:
    """Propagate gradients by log-probability and action to the head.

    By the chain rule with d log pi / du = 2 tanh(u), d log pi / d log s = -1 besides its way through u, and
    d action / du = scale (1 - tanh(u)^2).

    Args:
        sample: what was drawn.
        scale: of its action box.
        log_prob_gradient: dL / d log pi, the same for every row: a scalar or (1,).
        action_gradient: (B, A) dL / d action.

    Returns:
        (B, 2A) dL / d head.
    """
    squashed = sample.squashed
    pre_squash = 2 * log_prob_gradient * squashed + action_gradient * scale.scale * (1 - squashed * squashed)
    log_std = pre_squash * sample.spread - log_prob_gradient
    return torch.cat([pre_squash, log_std * sample.slope], dim=-1)


def mean_action(head: torch.Tensor, scale: ActionScale) -> torch.Tensor:
    """Return the deterministic action (B, A) for heads (B, 2A), as evaluation takes it: the squashed mean."""
    mean, _ = head.chunk(2, dim=-1)
    return _tanh(mean) * scale.scale + scale.bias


def _tanh(x: torch.Tensor) -> torch.Tensor:
    return 2 * torch.sigmoid(2 * x) - 1


def _exp(x: torch.Tensor) -> torch.Tensor:
    return torch.expm1(x) + 1
