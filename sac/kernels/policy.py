"""The squashed Gaussian policy's head: actions and log-probabilities, and the way back from them.

`sac.learner.networks` has the equations as torch computes them.
"""

from __future__ import annotations

import math

from llvmlite import ir

from sac.kernels.code import F32, LANES, Code, Value, kernel, vector
from sac.kernels.functions import exp, softplus, tanh

_KIND = vector(LANES)
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)


def sample_policy(module: ir.Module) -> None:
    """Write the kernel ``sample_policy``: equation 21 for each row.

    Slots: head, its row stride, noise, half the action box's width, its centre, actions, their row stride, log pi,
    squashed, spread, slope, row stride of these three and of the noise, rows, action components, where constants lie
    (the sum of the logarithms of half the widths, the lowest log std, half its range), terms of log pi (with the same
    row stride).
    """
    code = kernel(module, "sample_policy")
    head, noise, scale, centre, action, log_prob = (code.address(n) for n in (0, 2, 3, 4, 5, 7))
    kept = [code.address(n) for n in (8, 9, 10)]
    head_stride, action_stride, stride, actions = (code.integer(n) for n in (1, 6, 11, 13))
    terms, constants = code.address(15), code.address(14)
    log_scale, lowest, half_range = (code.load(constants, n) for n in range(3))
    wide_lowest, wide_range = code.splat(lowest), code.splat(half_range)

    def row(i: Value) -> None:
        at, out = code.whole_mul(i, stride), code.whole_mul(i, action_stride)
        own = code.at(head, code.whole_mul(i, head_stride))

        def lanes(j: Value) -> None:
            here = code.whole_add(at, j)
            drawn = code.load(noise, here, _KIND)
            mean, raw = code.load(own, j, _KIND), tanh(code, code.load(own, code.whole_add(actions, j), _KIND))
            log_std = code.fma(code.add(raw, 1.0), wide_range, wide_lowest)
            spread = code.mul(exp(code, log_std), drawn)
            before = code.add(mean, spread)
            squashed = tanh(code, before)
            code.store(code.sub(_log_normal(code, drawn, log_std), _log_squash(code, before)), terms, here)
            slope = code.mul(code.fma(code.mul(raw, -1.0), raw, 1.0), wide_range)
            for value, base in zip((squashed, spread, slope), kept, strict=True):
                code.store(value, base, here)
            scaled = code.fma(squashed, code.load(scale, j, _KIND), code.load(centre, j, _KIND))
            code.store(scaled, action, code.whole_add(out, j))

        code.loop(actions, lanes, step=LANES)
        code.store(code.sub(_sum(code, terms, at, actions), log_scale), log_prob, i)

    code.loop(code.integer(12), row)
    code.end()


def head_gradient(module: ir.Module) -> None:
    """Write the kernel ``head_gradient``: `networks.policy_gradient` of equation 9 for each row.

    Slots: gradient by the action of one critic, of the other, their row stride, squashed, spread, slope, their row
    stride, half the action box's width, where alpha / B lies, gradient of the head, its row stride, rows, action
    components.
    """
    code = kernel(module, "head_gradient")
    first, second, squashed, spread, slope, scale, out = (code.address(n) for n in (0, 1, 3, 4, 5, 7, 9))
    in_stride, stride, out_stride, actions = (code.integer(n) for n in (2, 6, 10, 12))
    weight = code.splat(code.load(code.address(8), 0))

    def row(i: Value) -> None:
        given, at = code.whole_mul(i, in_stride), code.whole_mul(i, stride)
        own = code.at(out, code.whole_mul(i, out_stride))

        def before_squash(j: Value) -> Value:
            through = code.add(
                code.load(first, code.whole_add(given, j), _KIND), code.load(second, code.whole_add(given, j), _KIND)
            )
            value = code.load(squashed, code.whole_add(at, j), _KIND)
            inner = code.mul(code.mul(through, code.load(scale, j, _KIND)), code.fma(code.mul(value, -1.0), value, 1.0))
            return code.fma(code.mul(weight, 2.0), value, inner)

        def log_std(j: Value) -> Value:
            here = code.whole_add(at, j)
            moved = code.fma(before_squash(j), code.load(spread, here, _KIND), code.mul(weight, -1.0))
            return code.mul(moved, code.load(slope, here, _KIND))

        # A whole vector is stored where fewer elements may be meant: the second half mends the first one's end.
        code.loop(actions, lambda j: code.store(before_squash(j), own, j), step=LANES)
        code.loop(actions, lambda j: code.store(log_std(j), own, code.whole_add(actions, j)), step=LANES)

    code.loop(code.integer(11), row)
    code.end()


def _log_normal(code: Code, drawn: Value, log_std: Value) -> Value:
    """Logarithm of the normal density at mean + std * drawn."""
    return code.sub(code.fma(code.mul(drawn, -0.5), drawn, code.mul(log_std, -1.0)), _HALF_LOG_2_PI)


def _log_squash(code: Code, before: Value) -> Value:
    """log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), which does not cancel."""
    rest = code.sub(code.sub(math.log(2.0), before), softplus(code, code.mul(before, -2.0)))
    return code.mul(rest, 2.0)


def _sum(code: Code, base: Value, at: Value, count: Value) -> Value:
    zero = ir.Constant(F32, 0.0)
    (total,) = code.loop(count, lambda j, s: [code.add(s, code.load(base, code.whole_add(at, j)))], carried=[zero])
    return total
