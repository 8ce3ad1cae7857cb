"""Distances between networks: of their parameters, their actions, their distributions and their hidden layers.

All are computed in float64 from what the files hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class ParameterDistance:
    """How far apart the parameters of one layer are.

    Attributes:
        layer: its name.
        count: number of parameters.
        distance: L2 norm of A - B, in the parameters' own unit.
        relative: that norm divided by A's; None where A is all zero.
        cosine: of the angle between the two as vectors, in [-1, 1]; None where one is all zero.
        largest: largest absolute difference of a parameter.
        bits_equal: whether type and bits of all parameters are equal.
    """

    layer: str
    count: int
    distance: float
    relative: float | None
    cosine: float | None
    largest: float
    bits_equal: bool


def parameter_distance(layer: str, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> ParameterDistance:
    """Compare one layer's tensors, those of B in the order and shapes of A's."""
    x, y = (torch.cat([tensor.detach().double().reshape(-1) for tensor in side]) for side in (a, b))
    norm, other, gap = float(x.norm()), float(y.norm()), x - y
    distance = float(gap.norm())
    cosine = max(-1.0, min(1.0, float(x @ y) / (norm * other))) if norm and other else None
    equal = all(_bits_equal(one, two) for one, two in zip(a, b, strict=True))
    return ParameterDistance(
        layer, x.numel(), distance, distance / norm if norm else None, cosine, float(gap.abs().max()), equal
    )


def _bits_equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are of one type, shape and content; 0.0 and -0.0 differ."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    one, two = (tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in (a, b))
    return torch.equal(one, two)


def gaussian_kl(
    mean_p: torch.Tensor, log_std_p: torch.Tensor, mean_q: torch.Tensor, log_std_q: torch.Tensor
) -> torch.Tensor:
    """Return KL(p || q) in nats, (N,), of Gaussians with diagonal covariance; all arguments are (N, A).

    It is also that of the two squashed by tanh, and then scaled to the action box: a map that can be undone changes no
    KL divergence. (Kullback and Leibler, "On Information and Sufficiency", 1951, section 4.)
    """
    ratio = 2 * (log_std_p - log_std_q)
    shift = (mean_p - mean_q) * torch.exp(-log_std_q)
    # expm1 keeps what is left of ratio where the two are nearly equal.
    return 0.5 * (torch.expm1(ratio) - ratio + shift * shift).sum(dim=-1)


def linear_cka(x: torch.Tensor, y: torch.Tensor) -> float | None:
    """Return the linear centred kernel alignment, in [0, 1], of what two layers make of N inputs: (N, P) and (N, Q).

    Kornblith et al., "Similarity of Neural Network Representations Revisited" (ICML 2019), equation 5: 1 where one is
    the other turned, shifted and scaled as a whole. With few inputs unrelated layers come out too alike. None where a
    layer is constant over the inputs.
    """
    x, y = (side.double() - side.double().mean(dim=0) for side in (x, y))
    own = float((x.T @ x).norm()) * float((y.T @ y).norm())
    return min(1.0, float((y.T @ x).norm()) ** 2 / own) if own > 0 and math.isfinite(own) else None


def action_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the L2 distance (N,) of actions (N, A)."""
    return (a - b).norm(dim=-1)
