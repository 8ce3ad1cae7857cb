"""Products: every element is one chain of fused multiply-adds over k, whatever tile, padding and strides."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.kernels.machine_code import kernels
from sac.kernels.plan import padded
from tests.examples import fewer
from tests.unit.kernels.native import Filled, call, each_level

ENDINGS = ["plain", "continued", "bias", "bias_relu", "masked"]
each_ending = pytest.mark.parametrize("ending", ENDINGS)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 60), st.integers(0, 5))


def nearest(exact):
    """The float32 nearest to a fraction, ties to even (IEEE 754), for numbers in the normal range."""
    if exact == 0:
        return np.float32(0)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length() - 23
    if abs(exact) < Fraction(2) ** (exponent + 23):
        exponent -= 1
    return np.float32(np.ldexp(float(round(exact / Fraction(2) ** exponent)), exponent))


def fma(a, b, c):
    return nearest(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def chain(a, b, start, order=1):
    """By the definition: fma(a[k], b[k], sum) for k = 0, 1, ..."""
    total = start
    for k in range(len(a))[::order]:
        total = fma(a[k], b[k], total)
    return total


def ended(ending, total, bias, mask):
    if ending in ("bias", "bias_relu"):
        total = np.float32(total + bias)
    if (ending == "bias_relu" and total <= 0) or (ending == "masked" and mask <= 0):
        return np.float32(0)
    return total


def drawn(seed, *shape):
    """Numbers of very different sizes, so that each rounding of a sum shows."""
    generator = np.random.default_rng(seed)
    return (generator.standard_normal(shape) * 2.0 ** generator.integers(-12, 13, shape)).astype(np.float32)


def product(level, ending, a, b, c, bias, mask, across=False):
    """What the kernel makes of C; `across` gives it A transposed."""
    room, (rows, depth), columns = Filled(), a.shape, b.shape[1]
    a_matrix, _ = room.matrix(a.T if across else a)
    b_matrix, _ = room.matrix(b)
    c_matrix, found = room.matrix(c)
    bias_matrix, _ = room.matrix(bias[None])
    mask_matrix, _ = room.matrix(mask)
    strides = (1, a_matrix.stride) if across else (a_matrix.stride, 1)
    extra = (mask_matrix.address, mask_matrix.stride) if ending == "masked" else (bias_matrix.address, 0)
    call(
        kernels(level).addresses[f"product_{ending}"],
        *(a_matrix.address, *strides, b_matrix.address, b_matrix.stride, c_matrix.address, c_matrix.stride),
        *(padded(rows, 8), padded(columns, 16), depth, *extra),
    )
    return found.copy()


def case(size, seed):
    rows, columns, depth = size
    shapes = (rows, depth), (depth, columns), (rows, columns), (columns,), (rows, columns)
    return [drawn(seed + n, *shape) for n, shape in enumerate(shapes)]


def expected(ending, a, b, c, bias, mask, order=1):
    zero = np.float32(0)
    rows = [
        [
            ended(ending, chain(a[i], b[:, j], c[i, j] if ending == "continued" else zero, order), bias[j], mask[i, j])
            for j in range(c.shape[1])
        ]
        for i in range(c.shape[0])
    ]
    return np.array(rows, np.float32)


@each_level
@each_ending
@given(sizes, st.integers(0, 10**6), st.booleans())
@fewer(4)
def test_each_element_is_one_chain_in_the_order_of_k(level, ending, size, seed, across):
    arrays = case(size, seed)
    assert product(level, ending, *arrays, across=across).tobytes() == expected(ending, *arrays).tobytes()


def test_the_reference_tells_another_order_from_this_one():
    arrays = case((4, 16, 6), 1)
    assert expected("plain", *arrays).tobytes() != expected("plain", *arrays, order=-1).tobytes()


def test_the_reference_tells_two_roundings_from_one():
    a, b, c = np.float32(1 + 2**-13), np.float32(1 - 2**-13), np.float32(-1)
    assert fma(a, b, c) == np.float32(-(2.0**-26)) and np.float32(np.float32(a * b) + c) == 0


@each_level
def test_a_sum_that_is_taken_up_again_has_the_bits_of_one_that_never_stopped(level):
    a, b, c, bias, mask = case((24, 100, 300), 3)
    whole = product(level, "plain", a, b, c, bias, mask)
    found = product(level, "plain", a[:, :128], b[:128], c, bias, mask)
    for k in (128, 256):
        found = product(level, "continued", a[:, k : k + 128], b[k : k + 128], found, bias, mask)
    assert found.tobytes() == whole.tobytes()


@each_level
def test_a_relu_keeps_what_is_not_a_number(level):
    a, b, c, bias, mask = case((8, 16, 3), 5)
    a[2, 1] = np.nan
    found = product(level, "bias_relu", a, b, c, bias, mask)
    assert np.isnan(found[2]).all() and not np.isnan(np.delete(found, 2, axis=0)).any()


@each_level
def test_a_gradient_passes_where_the_output_is_not_a_number(level):
    a, b, c, bias, mask = case((8, 16, 3), 6)
    mask[3] = np.nan
    assert (product(level, "masked", a, b, c, bias, mask)[3] == product(level, "plain", a, b, c, bias, mask)[3]).all()


@each_level
@given(st.integers(1, 200), st.integers(0, 40), st.integers(0, 10**6))
@fewer(4)
def test_a_row_product_is_the_same_chain(level, columns, depth, seed):
    a, b = drawn(seed, 1, depth), drawn(seed + 1, depth, columns)
    room = Filled()
    (a_matrix, _), (b_matrix, _) = room.matrix(a), room.matrix(b)
    c_matrix, found = room.matrix(np.zeros((1, columns), np.float32))
    slots = a_matrix.address, 1, b_matrix.address, b_matrix.stride, c_matrix.address, padded(columns, 16), depth
    call(kernels(level).addresses["row_product"], *slots)
    whole = product(level, "plain", a, b, found.copy(), drawn(0, columns), found.copy())
    assert found.tobytes() == whole.tobytes()
