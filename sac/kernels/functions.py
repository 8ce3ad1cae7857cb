"""exp, tanh and softplus from + - * / and fma alone, so that no library and no CPU has a say in their bits.

Each takes a float or a vector of floats. Errors stay below 3 units in the last place (a test compares them with
float64); NaN stays NaN.
"""

from __future__ import annotations

import math

from llvmlite import ir

from sac.kernels.code import I32, Code, Value, vector

_ROUND = 12582912.0
"""1.5 * 2^23: a float near it has no digits after the point, and its lowest bits are the integer."""
_LN2_HIGH = 0.693359375
_LN2_LOW = math.log(2.0) - _LN2_HIGH
_LOWEST, _HIGHEST = -87.0, 88.0
"""Beyond these 2^n is no normal float; exp stays at their values."""
_EXPM1 = tuple(1 / math.factorial(n) for n in range(2, 9))
_ATANH = tuple(1 / (2 * n + 1) for n in range(1, 9))


def polynomial(code: Code, x: Value, coefficients: tuple[float, ...]) -> Value:
    """c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule."""
    total: Value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = code.fma(total, x, coefficient)
    return total


def exp(code: Code, x: Value) -> Value:
    """e^x; e^-87 below -87 and e^88 above 88."""
    scale, rest = _scaled(code, x)
    return code.fma(scale, rest, scale)


def expm1(code: Code, x: Value) -> Value:
    """e^x - 1, with all digits near zero too; limited as `exp`."""
    scale, rest = _scaled(code, x)
    return code.fma(scale, rest, code.sub(scale, 1.0))


def tanh(code: Code, x: Value) -> Value:
    """Tanh |x| = -(e^(-2|x|) - 1) / (e^(-2|x|) + 1)."""
    less = expm1(code, code.mul(code.magnitude(x), -2.0))
    size = code.div(less, code.sub(-2.0, less))
    return code.where("<", x, 0.0, code.mul(size, -1.0), size)


def softplus(code: Code, x: Value) -> Value:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    positive = code.where(">", x, 0.0, x, 0.0)
    return code.add(positive, _log1p(code, exp(code, code.mul(code.magnitude(x), -1.0))))


def _log1p(code: Code, x: Value) -> Value:
    """log(1 + x) = 2 artanh(x / (2 + x)) for 0 <= x <= 1."""
    ratio = code.div(x, code.add(x, 2.0))
    square = code.mul(ratio, ratio)
    double = code.mul(ratio, 2.0)
    return code.fma(code.mul(double, square), polynomial(code, square, _ATANH), double)


def _scaled(code: Code, x: Value) -> tuple[Value, Value]:
    """2^n and e^r - 1 with x = n log 2 + r and |r| <= log(2) / 2."""
    x = code.where("<", x, _LOWEST, _LOWEST, x)
    x = code.where(">", x, _HIGHEST, _HIGHEST, x)
    shifted = code.fma(x, 1 / math.log(2.0), _ROUND)
    n = code.sub(shifted, _ROUND)
    r = code.fma(n, -_LN2_LOW, code.fma(n, -_LN2_HIGH, x))
    rest = code.fma(code.mul(r, r), polynomial(code, r, _EXPM1), r)
    return _power_of_two(code, shifted), rest


def _power_of_two(code: Code, shifted: Value) -> Value:
    """2^n of the integer n in the lowest bits of a float: its exponent is n + 127."""
    kind = shifted.type
    lanes = kind.count if isinstance(kind, ir.VectorType) else 1
    whole = vector(lanes, I32)

    def every(number: int) -> Value:
        return ir.Constant(whole, [number] * lanes if lanes > 1 else number)

    bits = code.builder.shl(code.builder.bitcast(shifted, whole), every(23))
    return code.builder.bitcast(code.builder.add(bits, every(127 << 23)), kind)
