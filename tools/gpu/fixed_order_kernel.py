"""A product in Triton: every element is fma(a[k], b[k], sum) for k = 0, 1, ... one after the other, from zero."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_BLOCK = 16
"""Rows and columns of C that one program keeps in registers; k is never split, so it changes no bit."""


@triton.jit
def _product_kernel(a, b, c, rows, columns, INNER: tl.constexpr, M: tl.constexpr, N: tl.constexpr):
    row = tl.program_id(0) * M + tl.arange(0, M)
    column = tl.program_id(1) * N + tl.arange(0, N)
    is_row, is_column = row < rows, column < columns
    total = tl.zeros((M, N), dtype=tl.float32)
    for k in range(INNER):
        left = tl.load(a + row * INNER + k, mask=is_row, other=0.0)
        right = tl.load(b + k * columns + column, mask=is_column, other=0.0)
        lefts, rights = tl.broadcast(left[:, None], right[None, :])
        total = tl.fma(lefts, rights, total)
    at = row[:, None] * columns + column[None, :]
    tl.store(c + at, total, mask=is_row[:, None] & is_column[None, :])


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return a b for contiguous float32 matrices (rows, inner) and (inner, columns) on one device."""
    (rows, inner), columns = a.shape, b.shape[1]
    c = torch.empty((rows, columns), device=a.device)
    grid = (triton.cdiv(rows, _BLOCK), triton.cdiv(columns, _BLOCK))
    _product_kernel[grid](a, b, c, rows, columns, INNER=inner, M=_BLOCK, N=_BLOCK, num_warps=4)
    return c
