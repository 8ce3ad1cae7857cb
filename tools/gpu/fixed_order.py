"""`python -m tools.gpu.fixed_order`: can a GPU give the bits of the CPU's products, and at what price?

The project's CPU kernels sum every element of a product by one chain of fused multiply-adds. So does the Triton kernel
here, by one `tl.fma` for each k. On a GPU its bits are held against the CPU's, and its speed against torch's float32
product in turns. Without one it runs in Triton's interpreter, whose `fma` rounds twice: an exact one takes its place,
and only bits are compared. Exit status: 0 equal, 1 not, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
from collections.abc import Sequence

import numpy as np
import torch

from sac.kernels.level import level
from sac.numerics.fixed_order import FixedOrderMatmul, own_kernels
from sac.streams import Stream

SHAPES = ((1, 1, 1), (16, 48, 64), (40, 55, 48), (17, 256, 33), (33, 256, 14), (64, 256, 1))
"""Rows, inner dimension, columns: the networks' inner dimensions, few and odd rows, since the interpreter is slow."""
TIMED = (1024, 256, 256)
ROUNDS, CALLS = 9, 100


def exact_fma(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return float32(a b + c) with one rounding, for finite float32 arrays.

    The product of two float32 is exact in float64. The sum is rounded to odd there, so the second rounding is that of
    the exact sum (Boldo and Melquiond, IEEE Transactions on Computers, 2008).
    """
    product, addend = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = product + addend
    # Knuth's TwoSum: what the rounding of the sum left out, exactly.
    virtual = total - product
    left_out = (product - (total - virtual)) + (addend - virtual)
    is_even = (total.view(np.int64) & 1) == 0
    towards = np.where(left_out > 0, np.inf, -np.inf)
    odd = np.where((left_out != 0) & is_even, np.nextafter(total, towards), total)
    return np.asarray(odd.astype(np.float32))


def interpret() -> None:
    """Choose Triton's interpreter, with an fma that rounds once."""
    os.environ["TRITON_INTERPRET"] = "1"
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    def fma(self: object, x: TensorHandle, y: TensorHandle, z: TensorHandle) -> TensorHandle:
        return TensorHandle(exact_fma(x.data, y.data, z.data), z.dtype.scalar)

    InterpreterBuilder.create_fma = fma


def differing(rows: int, inner: int, columns: int, device: torch.device) -> int:
    """Return how many elements of a drawn product differ in a bit between Triton's kernel and the CPU's."""
    from tools.gpu.fixed_order_kernel import product

    stream = Stream(rows, "fixed_order")
    a, b = (torch.from_numpy(stream.normal(n, shape)) for n, shape in enumerate([(rows, inner), (inner, columns)]))
    expected = FixedOrderMatmul(own_kernels()).input_gradient(a, b.t())
    found = product(a.to(device), b.to(device)).cpu()
    return int((found.view(torch.int32) != expected.contiguous().view(torch.int32)).sum())


def slowdown(device: torch.device) -> float:
    """Return how many times as long the fixed order takes as torch's float32 product: median of rounds in turns."""
    from tools.gpu.fixed_order_kernel import product

    rows, inner, columns = TIMED
    a, b = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for multiply in (product, torch.matmul):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            multiply(a, b)
            start.record()
            for _ in range(CALLS):
                multiply(a, b)
            end.record()
            torch.cuda.synchronize()
            seconds.append(start.elapsed_time(end))
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: equal bits; 1: some differ; 2: there is no Triton, or the CPU has no kernels."""
    argparse.ArgumentParser(prog="python -m tools.gpu.fixed_order", description=__doc__).parse_args(arguments)
    if importlib.util.find_spec("triton") is None:
        print("fixed_order: Triton is not installed: pip install triton", file=sys.stderr)
        return 2
    if level() is None:
        print("fixed_order: this CPU has no FMA, so there is nothing to compare with", file=sys.stderr)
        return 2
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        interpret()
    different = 0
    for shape in SHAPES:
        count = differing(*shape, device)
        print("{} x {} times {}:".format(*shape), f"{count} of {shape[0] * shape[2]} elements differ", flush=True)
        different += count
    if device.type == "cuda":
        print(f"{TIMED}: {slowdown(device):.2f} times as long as torch's product (median of {ROUNDS} rounds)")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
