"""A gradient step of SAC as a plan for native threads.

Five phases. (0) Copies of weights as the products want them. (1) Blocks of the batch's rows, each through actor,
target critics and critics and back through the critics' layers, in the second-level cache. (2) Panels of the critics'
weight gradients, each summed over the whole batch in the order of its rows, and Adam on the same panel. (3) Blocks of
rows through actor and critics and back to the actor's layers. (4) Panels of the actor's gradients, and the temperature.

No sum is split between items, so neither the number of threads nor the size of blocks changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sac.kernels.plan import Given, Matrix, Memory, Plan, Table, padded
from sac.learner.fixed_order_layers import Layer, Optimized, layers_of
from sac.learner.networks import NUM_CRITICS
from sac.state import LearnerState

PANEL, CHUNK = 96, 128
"""Columns of a weight gradient that are one item, and rows of the batch that are added at a time."""
_LOSSES = ("gamma", "alpha", "two_over_b", "alpha_again", "target_entropy", "minus_one_over_b", "b", "alpha_over_b")
_POLICY = ("log_scale_sum", "log_std_min", "log_std_half_range")
_ADAM = tuple(f"{network}_{name}" for network in ("critic", "actor", "alpha") for name in ("size", "correction", "tau"))
CONSTANTS = (*_LOSSES, *_POLICY, "one", *_ADAM)
"""Numbers that kernels read; those that one kernel reads lie side by side."""
REPORT = ("loss_0", "loss_1", "value_0", "value_1", "actor_loss", "alpha_loss")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a batch and of the networks.

    Attributes:
        batch: B.
        observation: O.
        action: A.
        block: rows of the batch in an item, a multiple of 8.
    """

    batch: int
    observation: int
    action: int
    block: int


class StepPlan:
    """The plan for one batch size.

    Args:
        addresses: of the kernels.
        state: of the learner; its tensors must stay where they are.
        sizes: of batch and networks.
        scale: half the action box's width and its centre, (A,) each.
        constants: (len(CONSTANTS),) float32, of which the learner sets what changes.
        report: (len(REPORT),) float32, written.
        strides: row strides of the batch's tensors by name.
    """

    def __init__(
        self,
        addresses: dict[str, int],
        state: LearnerState,
        sizes: Sizes,
        scale: tuple[np.ndarray, np.ndarray],
        constants: np.ndarray,
        report: np.ndarray,
        strides: dict[str, int],
    ) -> None:
        self._plan, self._memory, self._sizes = Plan(addresses), Memory(), sizes
        self._constants = {name: constants.ctypes.data + 4 * n for n, name in enumerate(CONSTANTS)}
        self._report = {name: report.ctypes.data + 4 * n for n, name in enumerate(REPORT)}
        self._strides, self._state = strides, state
        self._make_networks(state)
        self._make_buffers(scale)
        self.target_operations: list[int] = []
        with self._plan.phase():
            self._prepare()
        with self._plan.phase():
            self._each_block(self._critic_block)
        with self._plan.phase():
            self._critic_panels()
        with self._plan.phase():
            self._each_block(self._actor_block)
        with self._plan.phase():
            self._actor_panels()

    def finished(self) -> Table:
        """Return the table for native threads."""
        return self._plan.finished()

    def _make_networks(self, state: LearnerState) -> None:
        depth = len(state.actor.views) // 2
        o, a = self._sizes.observation, self._sizes.action
        widths = [state.actor.views[f"weight.{n}"].shape[0] for n in range(1, depth)]
        whole = [(0, width) for width in widths]
        self._actor = layers_of(self._memory, state.actor, None, [None, *whole])
        # The last layer of a critic has one output: its weights are their own transposed.
        critic_backs = [(o, o + a), *whole[:-1], None]
        members = range(NUM_CRITICS)
        self._critics = [layers_of(self._memory, state.critic, e, critic_backs) for e in members]
        self._targets = [layers_of(self._memory, state.target, e, [None] * depth) for e in members]
        self._value_rows = [self._memory.matrix(1, widths[-1]) for _ in members]
        self._widths = widths
        self._actor_optimized = Optimized.of(state.actor, state.actor_optim)
        self._critic_optimized = Optimized.of(state.critic, state.critic_optim, state.target)

    def _make_buffers(self, scale: tuple[np.ndarray, np.ndarray]) -> None:
        memory, b, a = self._memory, self._sizes.batch, self._sizes.action
        members = range(NUM_CRITICS)
        self._next_input, self._input, self._own_input = (
            memory.matrix(b, self._sizes.observation + a) for _ in range(3)
        )
        self._scratch = [memory.matrix(b, max(self._widths)) for _ in range(2)]
        self._actor_hidden = [memory.matrix(b, width) for width in self._widths]
        self._actor_back = [memory.matrix(b, width) for width in self._widths]
        self._critic_hidden = [[memory.matrix(b, width) for width in self._widths] for _ in members]
        self._critic_back = [[memory.matrix(b, width) for width in self._widths] for _ in members]
        self._head, self._head_gradient = memory.matrix(b, 2 * a), memory.matrix(b, 2 * a)
        self._target_values, self._values, self._value_gradients, self._action_gradients = (
            [memory.matrix(b, 1 if n < 3 else a) for _ in members] for n in range(4)
        )
        self._noise, self._squashed, self._spread, self._slope, self._terms = (memory.matrix(b, a) for _ in range(5))
        self._next_log_prob, self._log_prob, self._wanted, self._lowest = (
            Matrix(memory.floats(padded(b, 8)).ctypes.data, 1, 1) for _ in range(4)
        )
        self._scale = []
        for values in scale:
            room = memory.floats(padded(a, 16))
            room[:a] = values
            self._scale.append(room.ctypes.data)

    # Phase 0.

    def _prepare(self) -> None:
        plan = self._plan
        with plan.item():
            names = ("b", "alpha", "alpha_over_b")
            plan.add("temperature", self._state.log_alpha.data_ptr(), *(self._constants[name] for name in names))
            one = Matrix(self._constants["alpha"], 1, 1)
            plan.add("copy", one.at(0), 1, self._constants["alpha_again"], 1, 1, 1)
        for layers in (self._actor, *self._critics, *self._targets):
            for layer in layers:
                for start, stop in panels(layer.fan_out):
                    with plan.item():
                        layer.refresh(plan, start, stop)
        for critic, row in zip(self._critics, self._value_rows, strict=True):
            with plan.item():
                self._refresh_value_row(critic, row)

    def _refresh_value_row(self, critic: list[Layer], row: Matrix) -> None:
        own = critic[-1].own_weight
        self._plan.add("copy", own.at(0), row.stride, row.at(0), row.stride, 1, critic[-1].fan_in)

    # Phases 1 and 3: blocks of rows.

    def _each_block(self, body: Callable[[Rows], None]) -> None:
        for start in range(0, self._sizes.batch, self._sizes.block):
            with self._plan.item():
                body(Rows(start, min(self._sizes.block, self._sizes.batch - start)))

    def _critic_block(self, rows: Rows) -> None:
        self._copy(rows, "next_observation", self._next_input, self._sizes.observation)
        self._copy(rows, "observation_action", self._input, self._sizes.observation + self._sizes.action)
        self._sample(rows, self._next_input, "noise_next", self._next_log_prob, kept=False)
        for target, values in zip(self._targets, self._target_values, strict=True):
            self._forward(rows, target, self._next_input, [*self._two_scratches(len(target) - 1), values])
        for e, critic in enumerate(self._critics):
            self._forward(rows, critic, self._input, [*self._critic_hidden[e], self._values[e]])
        self._critic_gradient(rows)
        for e in range(NUM_CRITICS):
            self._critic_backward(rows, e)

    def _actor_block(self, rows: Rows) -> None:
        self._copy(rows, "observation", self._own_input, self._sizes.observation)
        self._sample(rows, self._own_input, "noise", self._log_prob, kept=True)
        for e, critic in enumerate(self._critics):
            self._forward(rows, critic, self._own_input, [*self._critic_hidden[e], self._values[e]])
        self._actor_gradient(rows)
        for e, critic in enumerate(self._critics):
            self._critic_backward(rows, e)
            self._product(rows, "plain", self._critic_back[e][0], critic[0].transposed, self._action_gradients[e])
        self._actor_backward(rows)

    def _two_scratches(self, count: int) -> list[Matrix]:
        return [self._scratch[n % 2] for n in range(count)]

    def _copy(self, rows: Rows, name: str, target: Matrix, columns: int) -> None:
        source = Matrix(Given(name), self._strides[name], columns).at(rows.start)
        self._plan.add("copy", source, self._strides[name], target.at(rows.start), target.stride, rows.count, columns)

    def _sample(self, rows: Rows, inputs: Matrix, noise: str, log_prob: Matrix, *, kept: bool) -> None:
        """Run the actor on the observations in `inputs`, and write the actions beside them."""
        hidden = self._actor_hidden if kept else self._two_scratches(len(self._widths))
        self._forward(rows, self._actor, inputs, [*hidden, self._head])
        self._copy(rows, noise, self._noise, self._sizes.action)
        start, actions = rows.start, inputs.part(rows.start, self._sizes.observation)
        self._plan.add(
            "sample_policy",
            *(self._head.at(start), self._head.stride, self._noise.at(start), *self._scale),
            *(actions.at(0), actions.stride, log_prob.at(start)),
            *(kept_part.at(start) for kept_part in (self._squashed, self._spread, self._slope)),
            *(self._noise.stride, rows.count, self._sizes.action, self._constants["log_scale_sum"]),
            self._terms.at(start),
        )

    def _forward(self, rows: Rows, layers: list[Layer], x: Matrix, outs: list[Matrix]) -> None:
        for depth, (layer, out) in enumerate(zip(layers, outs, strict=True)):
            ending = "bias" if depth == len(layers) - 1 else "bias_relu"
            below = x if depth == 0 else outs[depth - 1]
            self._plan.add(
                f"product_{ending}",
                *(below.at(rows.start), below.stride, 1, layer.weight.at(0), layer.weight.stride),
                *(out.at(rows.start), out.stride, rows.padded, padded(layer.fan_out, 16), layer.fan_in),
                *(layer.bias.at(0), 0),
            )

    def _product(
        self, rows: Rows, ending: str, a: Matrix, b: Matrix | None, c: Matrix, mask: Matrix | None = None
    ) -> None:
        """C = A B for rows of the batch."""
        assert b is not None
        other = (0, 0) if mask is None else (mask.at(rows.start), mask.stride)
        self._plan.add(
            f"product_{ending}",
            *(a.at(rows.start), a.stride, 1, b.at(0), b.stride, c.at(rows.start), c.stride),
            *(rows.padded, padded(b.columns, 16), a.columns, *other),
        )

    def _critic_gradient(self, rows: Rows) -> None:
        start = rows.start
        self._plan.add(
            "critic_gradient",
            *(matrix.at(start) for matrix in (*self._target_values, *self._values)),
            *(self._values[0].stride, self._next_log_prob.at(start)),
            *(Matrix(Given(name), self._strides["reward"], 1).at(start) for name in ("reward", "stop_bootstrap")),
            *(self._strides["reward"], self._constants["gamma"], self._wanted.at(start)),
            *(matrix.at(start) for matrix in self._value_gradients),
            rows.count,
        )

    def _actor_gradient(self, rows: Rows) -> None:
        start = rows.start
        self._plan.add(
            "actor_gradient",
            *(matrix.at(start) for matrix in self._values),
            *(self._values[0].stride, self._constants["minus_one_over_b"], self._lowest.at(start)),
            *(matrix.at(start) for matrix in self._value_gradients),
            rows.count,
        )

    def _critic_backward(self, rows: Rows, e: int) -> None:
        """From the gradients of the values to those of the hidden layers' sums."""
        hidden, back, values = self._critic_hidden[e], self._critic_back[e], self._value_gradients[e]
        start, last = rows.start, len(hidden) - 1
        self._plan.add(
            "through_value",
            *(values.at(start), values.stride, self._value_rows[e].at(0)),
            *(hidden[last].at(start), hidden[last].stride, back[last].at(start), back[last].stride),
            *(rows.padded, padded(hidden[last].columns, 16)),
        )
        self._through_hidden(rows, self._critics[e], hidden, back, last)

    def _actor_backward(self, rows: Rows) -> None:
        start, first, second = rows.start, *self._action_gradients
        self._plan.add(
            "head_gradient",
            *(first.at(start), second.at(start), first.stride),
            *(kept.at(start) for kept in (self._squashed, self._spread, self._slope)),
            *(self._squashed.stride, self._scale[0], self._constants["alpha_over_b"]),
            *(self._head_gradient.at(start), self._head_gradient.stride, rows.count, self._sizes.action),
        )
        last = len(self._actor_hidden) - 1
        hidden, back = self._actor_hidden, self._actor_back
        self._product(rows, "masked", self._head_gradient, self._actor[-1].transposed, back[last], hidden[last])
        self._through_hidden(rows, self._actor, hidden, back, last)

    def _through_hidden(
        self, rows: Rows, layers: list[Layer], hidden: list[Matrix], back: list[Matrix], last: int
    ) -> None:
        for depth in range(last, 0, -1):
            self._product(rows, "masked", back[depth], layers[depth].transposed, back[depth - 1], hidden[depth - 1])

    # Phases 2 and 4: panels of weight gradients.

    def _critic_panels(self) -> None:
        for e, critic in enumerate(self._critics):
            below = [self._input, *self._critic_hidden[e]]
            for depth, layer in enumerate(critic[:-1]):
                self._panels("critic", layer, below[depth], self._critic_back[e][depth])
            with self._plan.item():
                self._value_layer(critic, e)
                self._refresh_value_row(critic, self._value_rows[e])
                critic[-1].refresh(self._plan, 0, 1)
            with self._plan.item():
                values, names = self._values[e], (f"loss_{e}", f"value_{e}")
                report = (self._report[name] for name in names)
                self._plan.add(
                    "critic_report",
                    *(values.at(0), values.stride, self._wanted.at(0), self._constants["b"], *report),
                    self._sizes.batch,
                )

    def _value_layer(self, critic: list[Layer], e: int) -> None:
        """Gradients of a critic's last layer: its only column, as a row."""
        layer, gradient, hidden = critic[-1], self._value_gradients[e], self._critic_hidden[e][-1]
        row, b = self._value_rows_gradient(e), self._sizes.batch
        self._plan.add(
            "row_product",
            *(gradient.at(0), gradient.stride, hidden.at(0), hidden.stride),
            *(row.at(0), padded(layer.fan_in, 16), b),
        )
        own = Matrix(layer.own_weight.address, layer.fan_in, layer.fan_in)
        self._adam("critic", own, row, 1, layer.fan_in)
        self._column_sums(gradient, layer.bias_gradient, 0, 1)
        self._adam("critic", layer.own_bias, layer.bias_gradient, 1, 1)

    def _value_rows_gradient(self, e: int) -> Matrix:
        return self._memory.matrix(1, self._critics[e][-1].fan_in)

    def _actor_panels(self) -> None:
        below = [self._own_input, *self._actor_hidden]
        for depth, layer in enumerate(self._actor):
            self._panels("actor", layer, below[depth], [*self._actor_back, self._head_gradient][depth])
        with self._plan.item():
            self._plan.add(
                "actor_report",
                *(self._log_prob.at(0), self._lowest.at(0), self._constants["alpha_again"], self._constants["b"]),
                *(self._report["actor_loss"], self._report["alpha_loss"], self._sizes.batch),
            )
            self.alpha_operation = self._alpha_step()

    def _alpha_step(self) -> int:
        state, gradient = self._state, self._report["alpha_loss"]
        moments = state.alpha_optim
        addresses = (tensor.data_ptr() for tensor in (state.log_alpha, moments.exp_avg, moments.exp_avg_sq))
        return self._plan.add("adam", *addresses, 1, gradient, 1, 1, 1, self._constants["alpha_size"], 0)

    def _panels(self, network: str, layer: Layer, x: Matrix, gradient: Matrix) -> None:
        for start, stop in panels(layer.fan_out):
            with self._plan.item():
                self._weight_gradient(layer, x, gradient, start, stop)
                rows, columns = layer.fan_in, stop - start
                own_weight, own_bias = layer.own_weight.part(0, start), layer.own_bias.part(0, start)
                self._adam(network, own_weight, layer.gradient.part(0, start), rows, columns)
                self._column_sums(gradient, layer.bias_gradient, start, columns)
                self._adam(network, own_bias, layer.bias_gradient.part(0, start), 1, columns)
                if network == "critic":
                    layer.refresh(self._plan, start, stop)

    def _weight_gradient(self, layer: Layer, x: Matrix, gradient: Matrix, start: int, stop: int) -> None:
        """X^T G for some columns: one sum over the batch, written down after each chunk of rows and taken up again."""
        out, batch = layer.gradient, self._sizes.batch
        for row in range(0, batch, CHUNK):
            self._plan.add(
                "product_plain" if row == 0 else "product_continued",
                *(x.at(row), 1, x.stride, gradient.at(row, start), gradient.stride, out.at(0, start), out.stride),
                *(padded(layer.fan_in, 8), padded(stop - start, 16), min(CHUNK, batch - row), 0, 0),
            )

    def _column_sums(self, gradient: Matrix, out: Matrix, start: int, columns: int) -> None:
        self._plan.add(
            "row_product",
            *(self._constants["one"], 0, gradient.at(0, start), gradient.stride),
            *(out.at(0, start), padded(columns, 16), self._sizes.batch),
        )

    def _adam(self, network: str, own: Matrix, gradient: Matrix, rows: int, columns: int) -> None:
        optimized = self._critic_optimized if network == "critic" else self._actor_optimized
        assert isinstance(own.address, int)
        offset = own.address - optimized.parameters
        number = self._plan.add(
            "adam",
            *(own.address, optimized.first + offset, optimized.second + offset, own.stride),
            *(gradient.at(0), gradient.stride, rows, columns, self._constants[f"{network}_size"]),
            optimized.target + offset,
        )
        if network == "critic":
            self.target_operations.append(number)


@dataclass(frozen=True)
class Rows:
    """A block of the batch: its first row, and how many there are."""

    start: int
    count: int

    @property
    def padded(self) -> int:
        """Rows as products count them."""
        return padded(self.count, 8)


def panels(columns: int) -> list[tuple[int, int]]:
    """Cut columns into pieces of at most `PANEL`."""
    return [(start, min(start + PANEL, columns)) for start in range(0, columns, PANEL)]
