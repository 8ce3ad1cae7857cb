"""The losses of both kinds of network, row by row, and what a gradient step reports.

Equations are those of Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018. Values of critic e lie
`stride` apart from row to row, and matrices of the critics one after the other in memory.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from sac.kernels.code import F32, LANES, Code, Value, kernel, vector

_ZERO = ir.Constant(F32, 0.0)


def critic_gradient(module: ir.Module) -> None:
    """Write the kernel ``critic_gradient``: equations 2, 3 and 5 for each row, for two critics.

    y = r + gamma (1 - d) (min(Q'_1, Q'_2) - alpha log pi), and dL_e / dQ_e = 2 (Q_e - y) / B.

    Slots: targets' values of one critic, of the other, values of one, of the other, row stride of all values, log pi,
    rewards, stops, row stride of both, where gamma, alpha and 2 / B lie, y, gradient of one, of the other, rows.
    """
    code = kernel(module, "critic_gradient")
    targets, values, gradients = ([code.address(n) for n in pair] for pair in ((0, 1), (2, 3), (11, 12)))
    stride, row_stride = code.integer(4), code.integer(8)
    log_prob, reward, stop, constants, wanted = (code.address(n) for n in (5, 6, 7, 9, 10))
    gamma, alpha, scale = (code.load(constants, n) for n in range(3))

    def row(i: Value) -> None:
        at, far = code.whole_mul(i, stride), code.whole_mul(i, row_stride)
        lowest = _minimum(code, *(code.load(base, at) for base in targets))
        soft = code.sub(lowest, code.mul(alpha, code.load(log_prob, i)))
        discount = code.mul(code.sub(1.0, code.load(stop, far)), gamma)
        y = code.add(code.load(reward, far), code.mul(discount, soft))
        code.store(y, wanted, i)
        for value, gradient in zip(values, gradients, strict=True):
            code.store(code.mul(code.sub(code.load(value, at), y), scale), gradient, at)

    code.loop(code.integer(13), row)
    code.end()


def actor_gradient(module: ir.Module) -> None:
    """Write the kernel ``actor_gradient``: of -min(Q_1, Q_2) / B by both values, for each row.

    Slots: values of one critic, of the other, their row stride, where -1 / B lies, lowest value, gradient of one, of
    the other, rows.
    """
    code = kernel(module, "actor_gradient")
    values, gradients = ([code.address(n) for n in pair] for pair in ((0, 1), (5, 6)))
    stride, share = code.integer(2), code.load(code.address(3), 0)

    def row(i: Value) -> None:
        at = code.whole_mul(i, stride)
        one, other = (code.load(base, at) for base in values)
        code.store(_minimum(code, one, other), code.address(4), i)
        code.store(code.where("<", other, one, 0.0, share), gradients[0], at)
        code.store(code.where("<", other, one, share, 0.0), gradients[1], at)

    code.loop(code.integer(7), row)
    code.end()


def through_value(module: ir.Module) -> None:
    """Write the kernel ``through_value``: from a gradient of one value per row to that of the hidden layer below it.

    Slots: gradient of the value, its row stride, weights, hidden layer, its row stride, gradient of the hidden layer
    through its ReLU, its row stride, rows, columns (a multiple of 16).
    """
    code = kernel(module, "through_value")
    given, weights, hidden, out = (code.address(n) for n in (0, 2, 3, 5))
    kind = vector(LANES)

    def row(i: Value) -> None:
        gradient = code.splat(code.load(given, code.whole_mul(i, code.integer(1))))
        below, target = code.whole_mul(i, code.integer(4)), code.whole_mul(i, code.integer(6))

        def lanes(j: Value) -> None:
            passed = code.mul(gradient, code.load(weights, j, kind))
            value = code.load(hidden, code.whole_add(below, j), kind)
            code.store(code.where("<=", value, 0.0, 0.0, passed), out, code.whole_add(target, j))

        code.loop(code.integer(8), lanes, step=LANES)

    code.loop(code.integer(7), row)
    code.end()


def critic_report(module: ir.Module) -> None:
    """Write the kernel ``critic_report``: mean squared error and mean value of a critic.

    Slots: values, their row stride, y, where B lies as a float, loss, mean value, rows.
    """
    code = kernel(module, "critic_report")
    values, stride, wanted = code.address(0), code.integer(1), code.address(2)

    def value(i: Value) -> Value:
        return code.load(values, code.whole_mul(i, stride))

    def squares(i: Value, total: Value) -> list[Value]:
        error = code.sub(value(i), code.load(wanted, i))
        return [code.fma(error, error, total)]

    _store_mean(code, squares, 4, 3, 6)
    _store_mean(code, lambda i, total: [code.add(total, value(i))], 5, 3, 6)
    code.end()


def actor_report(module: ir.Module) -> None:
    """Write the kernel ``actor_report``: the actor's loss (equation 9) and the temperature's (equation 18).

    Slots: log pi, lowest value, where alpha and the target entropy lie, where B lies as a float, actor's loss,
    temperature's loss, rows.
    """
    code = kernel(module, "actor_report")
    log_prob, lowest, constants = code.address(0), code.address(1), code.address(2)
    alpha, entropy = code.load(constants, 0), code.load(constants, 1)

    def actor(i: Value, total: Value) -> list[Value]:
        return [code.add(total, code.sub(code.mul(alpha, code.load(log_prob, i)), code.load(lowest, i)))]

    def temperature(i: Value, total: Value) -> list[Value]:
        return [code.add(total, code.add(code.load(log_prob, i), entropy))]

    _store_mean(code, actor, 4, 3, 6)
    mean = _store_mean(code, temperature, 5, 3, 6)
    code.store(code.mul(code.mul(alpha, mean), -1.0), code.address(5), 0)
    code.end()


def _minimum(code: Code, one: Value, other: Value) -> Value:
    """The lower one; NaN if any is."""
    lower = code.where("<", other, one, other, one)
    return code.builder.select(code.builder.fcmp_unordered("uno", other, other), other, lower)


def _store_mean(code: Code, body: Callable[[Value, Value], list[Value]], out: int, count: int, rows: int) -> Value:
    (total,) = code.loop(code.integer(rows), body, carried=[_ZERO])
    mean = code.div(total, code.load(code.address(count), 0))
    code.store(mean, code.address(out), 0)
    return mean
