"""How the matrix products of the networks are computed: by the project's kernels, by oneDNN, or by a BLAS.

On a CPU the project's own kernels compute updates (`learner.fixed_order`). Where they can't, products go through oneDNN
(`torch.ops.mkldnn._linear_pointwise`), with bias and ReLU in the same pass.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol

import torch

from sac.numerics import fixed_order
from sac.numerics.machine import FIXED_ORDER

FUSED = "blas+triton"


class Matmul(Protocol):
    """The products of a layer with float32 weights (in, out), or (E, in, out) of an ensemble.

    The layer's input is x, (B, in) or (E, B, in); the gradient of its output is (B, out) or (E, B, out).
    """

    name: str
    """Part of the run's fingerprint: strategies round differently."""
    batched: bool
    """Whether weights may have a leading axis E."""

    def linear(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, relu: bool) -> torch.Tensor:
        """Return X W + b, (B, out) or (E, B, out), through a ReLU if `relu`."""
        ...

    def input_gradient(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return G W^T, (B, in) or (E, B, in), for a gradient G of the output."""
        ...

    def weight_gradient(self, x: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor) -> None:
        """Write X^T G to `out`, (in, out) or (E, in, out)."""
        ...


class OneDnnMatmul:
    """oneDNN on the CPU, one network at a time."""

    name = "onednn"
    batched = False

    def __init__(self) -> None:
        self._linear = torch.ops.mkldnn._linear_pointwise

    def linear(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, relu: bool) -> torch.Tensor:
        """See `Matmul`."""
        result: torch.Tensor = self._linear(x, weight.t(), bias, "relu" if relu else "none", [], "")
        return result

    def input_gradient(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See `Matmul`."""
        result: torch.Tensor = self._linear(gradient, weight, None, "none", [], "")
        return result

    def weight_gradient(self, x: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor) -> None:
        """See `Matmul`."""
        out.copy_(self._linear(x.t(), gradient.t(), None, "none", [], ""))


class BlasMatmul:
    """The BLAS behind torch.addmm and torch.baddbmm: cuBLAS on CUDA."""

    name = "blas"
    batched = True

    def linear(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, relu: bool) -> torch.Tensor:
        """See `Matmul`."""
        if weight.dim() == 3:
            result = torch.baddbmm(bias, x.expand(weight.shape[0], -1, -1), weight)
        else:
            result = torch.addmm(bias, x, weight)
        return result.relu_() if relu else result

    def input_gradient(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See `Matmul`."""
        return torch.matmul(gradient, weight.mT)

    def weight_gradient(self, x: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor) -> None:
        """See `Matmul`."""
        torch.matmul(x.mT.expand(*gradient.shape[:-2], -1, -1), gradient, out=out)


def matmul_for(device: torch.device) -> Matmul:
    """Return products through oneDNN on a CPU if torch has it, else through BLAS."""
    return OneDnnMatmul() if device.type == "cpu" and torch.backends.mkldnn.is_available() else BlasMatmul()


def matmul_name(device: torch.device) -> str:
    """Return the name of the way in which updates are computed on `device`."""
    if is_fused(device):
        return FUSED
    if has_kernels(device):
        return FIXED_ORDER
    return matmul_for(device).name


def has_kernels(device: torch.device) -> bool:
    """Whether updates on `device` are computed by the project's CPU kernels: on x86-64 with FMA, on Linux."""
    return device.type == "cpu" and fixed_order.level() is not None


def is_fused(device: torch.device) -> bool:
    """Whether updates on `device` are computed by kernels of the project's own: on a GPU with Triton.

    Ways to compute an update round differently. So the choice depends only on the device and the installed packages,
    and its name is part of the run's fingerprint.
    """
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
