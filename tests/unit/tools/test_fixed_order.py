"""The fixed order in Triton's interpreter: the stand-in for a fused multiply-add rounds once."""

import numpy as np

from tests.unit.kernels.test_products import drawn, fma
from tools.gpu.fixed_order import exact_fma

COUNT = 2000


def operands():
    """Sums that cancel, so that the second rounding shows, and sums that don't."""
    a, b, c = drawn(0, COUNT), drawn(1, COUNT), drawn(2, COUNT)
    c[::2] = -(a * b)[::2] * np.float32(1 + 2**-20)
    return a, b, c


def test_the_stand_in_rounds_once_as_an_exact_fma_does():
    a, b, c = operands()
    found = exact_fma(a, b, c)
    assert [fma(*three) for three in zip(a, b, c, strict=True)] == found.tolist()
    assert (a * b + c != found).sum() > COUNT // 4, "two roundings would pass too"


def test_rounding_through_float64_alone_is_not_enough():
    """The sum lies 2^-54 below the middle of two float32; float64 moves it there, and the tie goes up."""
    a, b, c = (np.array([one], np.float32) for one in (1 + 2**-15, 2**-24 * (1 - 2**-15), 1 + 2**-23))
    plain = (a.astype(np.float64) * b + c).astype(np.float32)
    assert plain[0] != exact_fma(a, b, c)[0] == fma(a[0], b[0], c[0])
