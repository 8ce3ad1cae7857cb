"""Whether the project's own kernels can compute on this machine, and single products by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from sac.kernels.level import level as level
from sac.numerics.machine import FIXED_ORDER

if TYPE_CHECKING:
    from sac.kernels.machine_code import Kernels


def own_kernels() -> Kernels:
    """Return the kernels for this machine, which `level` says are there."""
    from sac.kernels.machine_code import kernels

    found = level()
    assert found is not None
    return kernels(found)


class FixedOrderMatmul:
    """Products by the project's kernels, one thread, for the few rows that the policy acts on.

    Every element is one chain of fused multiply-adds, so the number of rows changes none either.
    """

    name = FIXED_ORDER
    batched = False

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def linear(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, relu: bool) -> torch.Tensor:
        """See `matmul.Matmul`."""
        return self._product("bias_relu" if relu else "bias", x, weight, bias)

    def input_gradient(self, gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """See `matmul.Matmul`."""
        return self._product("plain", gradient, weight.t())

    def weight_gradient(self, x: torch.Tensor, gradient: torch.Tensor, out: torch.Tensor) -> None:
        """See `matmul.Matmul`."""
        out.copy_(self._product("plain", x.t(), gradient))

    def _product(self, ending: str, a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        rows, columns = a.shape[0], b.shape[1]
        a, b = _padded(a, 0, -rows % 8), _padded(b, -columns % 16)
        bias = None if bias is None else _padded(bias, -columns % 16)
        c = torch.empty((a.shape[0], b.shape[1]))
        self._kernels.call(
            f"product_{ending}",
            *(a.data_ptr(), a.stride(0), 1, b.data_ptr(), b.stride(0), c.data_ptr(), c.stride(0)),
            *(c.shape[0], c.shape[1], b.shape[0], 0 if bias is None else bias.data_ptr(), 0),
        )
        return c[:rows, :columns]


def _padded(x: torch.Tensor, columns: int, rows: int = 0) -> torch.Tensor:
    """Return a contiguous tensor with so many more columns and rows of zeros; `x` itself if it is one."""
    return (pad(x, (0, columns, 0, rows) if rows else (0, columns)) if columns or rows else x).contiguous()
