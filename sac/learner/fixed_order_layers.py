"""Layers as a plan of native threads sees them: parameters, moments, and the copies that products need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sac.kernels.plan import Matrix, Memory, Plan
from sac.state import AdamState, Parameters


class Layer:
    """A layer's parameters, its moments, and the copies that products need.

    Attributes:
        fan_in, fan_out: its sizes.
        weight: (in, out) with padded rows: the parameters themselves, or a copy where their rows are not padded.
        bias: (1, out), likewise.
        transposed: (out, in columns that take a gradient), or None.
        gradient: (in, out) memory.
        bias_gradient: (1, out) memory.
    """

    def __init__(self, memory: Memory, weight: Matrix, bias: Matrix, fan_in: int, back: tuple[int, int] | None) -> None:
        self.own_weight, self.own_bias, self.fan_in, self.fan_out = weight, bias, fan_in, weight.columns
        exact = self.fan_out % 16 == 0
        self.weight = weight if exact else memory.matrix(fan_in, self.fan_out)
        self.bias = bias if exact else memory.matrix(1, self.fan_out)
        self.back = back
        self.transposed = memory.matrix(self.fan_out, back[1] - back[0]) if back else None
        self.gradient, self.bias_gradient = memory.matrix(fan_in, self.fan_out), memory.matrix(1, self.fan_out)

    def refresh(self, plan: Plan, start: int, stop: int) -> None:
        """Make the copies of some output columns anew."""
        count = stop - start
        if self.weight is not self.own_weight:
            for own, copy, rows in ((self.own_weight, self.weight, self.fan_in), (self.own_bias, self.bias, 1)):
                plan.add("copy", own.at(0, start), own.stride, copy.at(0, start), copy.stride, rows, count)
        if self.transposed is not None and self.back is not None:
            first, last = self.back
            source, target = self.own_weight.at(first, start), self.transposed.at(start)
            plan.add("transpose", source, self.own_weight.stride, target, self.transposed.stride, last - first, count)


@dataclass(frozen=True)
class Optimized:
    """A flat parameter vector with its moments, and targets that follow it."""

    parameters: int
    first: int
    second: int
    target: int

    @classmethod
    def of(cls, parameters: Parameters, moments: AdamState, target: Parameters | None = None) -> Optimized:
        """Return the addresses."""
        return cls(
            parameters.flat.data_ptr(),
            moments.exp_avg.data_ptr(),
            moments.exp_avg_sq.data_ptr(),
            0 if target is None else target.flat.data_ptr(),
        )


def layers_of(
    memory: Memory, parameters: Parameters, member: int | None, backs: Sequence[tuple[int, int] | None]
) -> list[Layer]:
    """Return the layers of an actor, or of one critic, with `Layer.back` for each."""
    found = []
    for depth, back in enumerate(backs):
        weight, bias = parameters.views[f"weight.{depth}"], parameters.views[f"bias.{depth}"]
        if member is not None:
            weight, bias = weight[member], bias[member]
        fan_in, fan_out = weight.shape
        own = Matrix(weight.data_ptr(), fan_out, fan_out), Matrix(bias.data_ptr(), fan_out, fan_out)
        found.append(Layer(memory, *own, fan_in, back))
    return found
