"""Adam (Kingma and Ba, 2015, algorithm 1) and the targets' moving average, on a part of a matrix."""

from __future__ import annotations

from llvmlite import ir

from sac.kernels.code import Value, kernel
from sac.kernels.functions import exp
from sac.kernels.layout import over_columns

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def adam(module: ir.Module, *, target: bool) -> None:
    """Write the kernel ``adam``, or ``adam_target``, which also moves targets towards the new parameters.

    Slots: parameters, first moments, second moments, row stride of these, gradient, its row stride, rows, columns,
    where the step's constants lie (lr / (1 - beta_1^t) and 1 / sqrt(1 - beta_2^t), then tau), targets.
    """
    code = kernel(module, "adam_target" if target else "adam")
    parameter, first, second, gradient, constants = (code.address(n) for n in (0, 1, 2, 4, 8))
    size, correction, tau = (code.load(constants, n) for n in range(3))

    def row(i: Value) -> None:
        at, given = code.whole_mul(i, code.integer(3)), code.whole_mul(i, code.integer(5))

        def lanes(j: Value, kind: ir.Type) -> None:
            here, g = code.whole_add(at, j), code.load(gradient, code.whole_add(given, j), kind)
            m, v, p = (code.load(base, here, kind) for base in (first, second, parameter))
            m = code.fma(code.sub(g, m), 1 - BETA_1, m)
            v = code.fma(code.mul(g, g), 1 - BETA_2, code.mul(v, BETA_2))
            wide = [one if kind == size.type else code.splat(one) for one in (size, correction, tau)]
            spread = code.fma(code.sqrt(v), wide[1], EPSILON)
            p = code.fma(code.mul(code.div(m, spread), -1.0), wide[0], p)
            for value, base in zip((m, v, p), (first, second, parameter), strict=True):
                code.store(value, base, here)
            if target:
                old = code.load(code.address(9), here, kind)
                code.store(code.fma(code.sub(p, old), wide[2], old), code.address(9), here)

        over_columns(code, code.integer(7), lanes)

    code.loop(code.integer(6), row)
    code.end()


def temperature(module: ir.Module) -> None:
    """Write the kernel ``temperature``: alpha = exp(log alpha), and alpha / B.

    Slots: log alpha, where B lies as a float, alpha, alpha / B.
    """
    code = kernel(module, "temperature")
    alpha = exp(code, code.load(code.address(0), 0))
    code.store(alpha, code.address(2), 0)
    code.store(code.div(alpha, code.load(code.address(1), 0)), code.address(3), 0)
    code.end()
