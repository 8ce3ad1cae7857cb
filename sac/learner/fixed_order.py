"""The SAC update on a CPU by kernels of the project's own: the same bits with any number of threads.

`Learner` is the reference and reads like the paper. This computes the same function with other rounding (a test
compares the two), so the fingerprint names it as a strategy of its own.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.kernels.machine_code import Kernels
from sac.kernels.optimizer import BETA_1, BETA_2
from sac.kernels.plan import Table, padded
from sac.kernels.threads import Crew, used
from sac.learner.fixed_order_plan import CONSTANTS, REPORT, Sizes, StepPlan
from sac.learner.networks import LOG_STD_MAX, LOG_STD_MIN, NUM_CRITICS
from sac.learner.sac import Learner, UpdateInfo
from sac.numerics.fixed_order import FixedOrderMatmul, own_kernels
from sac.replay import Batch
from sac.state import AdamState

_MOST_ROWS, _LEAST_ROWS = 256, 16
"""Rows of a block. Each block reads all weights again, so few large ones are faster; each thread gets at least one."""
_FIELDS = ("observation", "observation_action", "next_observation", "reward", "stop_bootstrap")


class FixedOrderLearner(Learner):
    """`Learner` by native kernels; see the module's text.

    Args:
        config: as for `Learner`.
        spec: as for `Learner`.
        device: a CPU.
        kernels: machine code; by default this machine's.
    """

    def __init__(
        self, config: TrainConfig, spec: EnvSpec, device: torch.device, kernels: Kernels | None = None
    ) -> None:
        kernels = kernels or own_kernels()
        super().__init__(config, spec, device, FixedOrderMatmul(kernels))
        self._spec, self._kernels, self._crew = spec, kernels, Crew()
        self._constants, self._report = np.zeros(len(CONSTANTS), np.float32), np.zeros(len(REPORT), np.float32)
        self._tables: dict[tuple[int, ...], tuple[StepPlan, Table]] = {}

    @torch.no_grad()
    def update(self, batch: Batch, noise: torch.Tensor) -> UpdateInfo:
        """Take one gradient step; see `Learner.update`."""
        state, config = self.state, self.config
        state.updates += 1
        actor_due = state.updates % config.policy_frequency == 0
        tensors = _rows_of(batch, noise)
        threads = used()
        plan, table = self._table(tensors, threads)
        self._count_step(actor_due=actor_due)
        self._switch(plan, table)
        addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
        table.begin(addresses, threads, None if actor_due else 3)
        run, address = self._kernels.run, table.address
        if threads == 1:
            run(address)
        else:
            self._crew.run(lambda: run(address), threads)
        return self._info(actor_due=actor_due)

    def _table(self, tensors: dict[str, torch.Tensor], threads: int) -> tuple[StepPlan, Table]:
        size = tensors["reward"].shape[0]
        strides = {name: tensor.stride(0) for name, tensor in tensors.items()}
        block = min(_MOST_ROWS, max(_LEAST_ROWS, padded(-(-size // threads), 8)))
        key = (size, block, *strides.values())
        if key not in self._tables:
            scale = self.scale.scale.numpy(), self.scale.bias.numpy()
            sizes = Sizes(size, self._spec.observation_dim, self._spec.action_dim, block)
            arrays = self._constants, self._report
            plan = StepPlan(self._kernels.addresses, self.state, sizes, scale, *arrays, strides)
            self._tables = {key: (plan, plan.finished())}
            self._set_constants(size)
        return self._tables[key]

    def _set_constants(self, size: int) -> None:
        """Set what holds for every gradient step of a batch of `size`."""
        config = self.config
        values = {
            "gamma": config.gamma,
            "two_over_b": 2 / size,
            "target_entropy": self.target_entropy,
            "minus_one_over_b": -1 / size,
            "b": size,
            "log_scale_sum": self.scale.log_scale_sum,
            "log_std_min": LOG_STD_MIN,
            "log_std_half_range": 0.5 * (LOG_STD_MAX - LOG_STD_MIN),
            "one": 1.0,
            "critic_tau": config.tau,
        }
        for name, value in values.items():
            self._constants[_INDEX[name]] = value

    def _count_step(self, *, actor_due: bool) -> None:
        """Count a step of each optimizer that is due, and set its constants."""
        config, state = self.config, self.state
        self._set_adam("critic", state.critic_optim, config.q_lr)
        if actor_due:
            self._set_adam("actor", state.actor_optim, config.policy_lr)
            if config.autotune:
                self._set_adam("alpha", state.alpha_optim, config.q_lr)

    def _set_adam(self, network: str, moments: AdamState, rate: float) -> None:
        size, correction = _adam_constants(moments, rate)
        self._constants[_INDEX[f"{network}_size"]] = size
        self._constants[_INDEX[f"{network}_correction"]] = correction

    def _switch(self, plan: StepPlan, table: Table) -> None:
        """Choose the kernels of what is not done in every step."""
        moves = self.state.updates % self.config.target_network_frequency == 0
        addresses = self._kernels.addresses
        table.choose(plan.target_operations, addresses["adam_target" if moves else "adam"])
        table.choose([plan.alpha_operation], addresses["adam" if self.config.autotune else "nothing"])

    def _info(self, *, actor_due: bool) -> UpdateInfo:
        found = torch.from_numpy(np.append(self._report, self._constants[_INDEX["alpha"]]))
        critic_losses, q_values, actor_loss, alpha_loss, alpha = found.split(_REPORTED)
        return UpdateInfo(
            critic_losses=critic_losses,
            q_values=q_values,
            actor_loss=actor_loss[0] if actor_due else None,
            alpha_loss=alpha_loss[0] if actor_due and self.config.autotune else None,
            alpha=alpha,
        )


_REPORTED = [NUM_CRITICS, NUM_CRITICS, 1, 1, 1]
"""Numbers of the report: the critics' losses and values, the actor's loss, the temperature's, the temperature."""
_INDEX = {name: n for n, name in enumerate(CONSTANTS)}


def _rows_of(batch: Batch, noise: torch.Tensor) -> dict[str, torch.Tensor]:
    """The batch's tensors by name, with elements of a row side by side, and reward and stop at one stride."""
    found = {name: getattr(batch, name) for name in _FIELDS}
    if found["reward"].stride() != found["stop_bootstrap"].stride():
        found |= {name: found[name].contiguous() for name in ("reward", "stop_bootstrap")}
    found |= {"noise_next": noise[0], "noise": noise[1]}
    return {name: t if t.dim() == 1 or t.stride(1) == 1 else t.contiguous() for name, t in found.items()}


def _adam_constants(moments: AdamState, rate: float) -> tuple[float, float]:
    """Count a step; return lr / (1 - beta_1^t) and 1 / sqrt(1 - beta_2^t)."""
    moments.step.add_(1)
    step = int(moments.step)
    return rate / (1 - _power(BETA_1, step)), 1 / math.sqrt(1 - _power(BETA_2, step))


def _power(base: float, exponent: int) -> float:
    """base^exponent by products alone: a library's pow may differ in its last bit."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base, exponent = base * base, exponent >> 1
    return result
