"""The SAC update for GPUs: the equations of `sac`, with few launches, fixed memory, and independent parts abreast.

`Learner` is the reference and reads like the paper. This computes the same function with other rounding (a test
compares the two), so the fingerprint names it as a strategy of its own. At these sizes the number of consecutive
kernels limits a GPU, not arithmetic. So element-wise work is fused (`fused_kernels`), and independent work runs on two
streams, which a CUDA graph keeps as branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner import fused_kernels as kernels
from sac.learner import networks
from sac.learner.networks import NUM_CRITICS, PolicySample
from sac.learner.sac import Learner, UpdateInfo
from sac.replay import Batch


@dataclass(frozen=True)
class Stack:
    """One network's layers, or an ensemble's, and memory for its gradients."""

    weights: list[torch.Tensor]
    biases: list[torch.Tensor]
    weight_gradients: list[torch.Tensor]
    bias_gradients: list[torch.Tensor]

    @classmethod
    def of(cls, views: dict[str, torch.Tensor], gradients: dict[str, torch.Tensor]) -> Stack:
        """Return the layers in order.

        Args:
            views: parameters ``weight.l`` (in, out) and ``bias.l`` (out,) of layer l, with a leading axis E of an
                ensemble.
            gradients: buffers of the same names and shapes.
        """
        layers = range(len(views) // 2)
        weight, bias = [f"weight.{layer}" for layer in layers], [f"bias.{layer}" for layer in layers]
        return cls(
            [views[name] for name in weight],
            [views[name] for name in bias],
            [gradients[name] for name in weight],
            [gradients[name] for name in bias],
        )


class FusedLearner(Learner):
    """`Learner` for one batch size on a GPU; see the module's text.

    Args:
        config: as for `Learner`; `batch_size` is the only size that `update` takes.
        spec: as for `Learner`.
        device: as for `Learner`. On a CPU the kernels run in Triton's interpreter, for tests.
    """

    def __init__(self, config: TrainConfig, spec: EnvSpec, device: torch.device) -> None:
        super().__init__(config, spec, device)
        state, size, actions = self.state, config.batch_size, spec.action_dim
        self._observation_dim = spec.observation_dim
        self._actor = Stack.of(state.actor.views, state.actor.views_of(self.actor.gradient))
        self._critic = Stack.of(state.critic.views, state.critic.views_of(self.critics.gradient))
        self._target = Stack.of(state.target.views, state.target.views_of(torch.zeros_like(state.target.flat)))
        self._side = torch.cuda.Stream(device) if device.type == "cuda" else None

        def empty(*shape: int) -> torch.Tensor:
            return torch.empty(shape, device=device)

        # Rows 0..B are (next observation, next action), rows B..2B (observation, own action); a stride of whole
        # 16 bytes lets the products read them fastest.
        width, hidden = spec.observation_dim + actions, networks.HIDDEN
        self._inputs = empty(2 * size, -(-width // 4) * 4)[:, :width]
        self._actor_hidden = [empty(2 * size, h) for h in hidden]
        self._head = empty(2 * size, 2 * actions)
        action = self._inputs[:, spec.observation_dim :]
        per_action = [empty(2 * size, actions) for _ in range(3)]
        self._sample = PolicySample(action, empty(2 * size), *per_action)
        self._critic_hidden = [empty(NUM_CRITICS, size, h) for h in hidden]
        self._target_hidden = [empty(NUM_CRITICS, size, h) for h in hidden]
        self._hidden_gradient = [empty(NUM_CRITICS, size, h) for h in hidden]
        self._actor_gradient = [empty(size, h) for h in hidden]
        self._head_gradient = empty(size, 2 * actions)
        self._action_gradient = empty(NUM_CRITICS, size, actions)
        self._values, self._value_gradient = empty(NUM_CRITICS, size), empty(NUM_CRITICS, size)
        self._bellman, self._lowest = empty(size), empty(size)

    @torch.no_grad()
    def update(self, batch: Batch, noise: torch.Tensor) -> UpdateInfo:
        """Take one gradient step on B = `batch_size` transitions with noise (2, B, A); see `Learner.update`."""
        state, config, size = self.state, self.config, batch.reward.shape[0]
        state.updates += 1
        actor_due = state.updates % config.policy_frequency == 0
        with self._beside():
            self._forward_ensemble(self._critic, batch.observation_action, self._critic_hidden)
        self._sample_actions(batch, noise)
        self._forward_ensemble(self._target, self._inputs[:size], self._target_hidden)
        self._join()
        self._critic_step(batch)
        report = torch.empty(2 * NUM_CRITICS + 3, device=noise.device)
        if actor_due:
            self._actor_step(size)
        with self._beside():
            self._temperature_step(report, actor_due=actor_due)
        if actor_due:
            kernels.adam_step(state.actor.flat, self.actor.gradient, state.actor_optim, config.policy_lr)
        self._join()
        return self._info(report, actor_due=actor_due)

    def _sample_actions(self, batch: Batch, noise: torch.Tensor) -> None:
        """Equation 21 for next observations and observations at once: the actor does not change before its own step."""
        size, observations = batch.reward.shape[0], self._inputs[:, : self._observation_dim]
        observations[:size].copy_(batch.next_observation)
        observations[size:].copy_(batch.observation)
        below = observations
        for weight, bias, out in zip(self._actor.weights, self._actor.biases, self._actor_hidden, strict=False):
            torch.ops.aten._addmm_activation.out(bias, below, weight, out=out)
            below = out
        torch.addmm(self._actor.biases[-1], below, self._actor.weights[-1], out=self._head)
        kernels.sample_policy(self._head, self.scale, noise.flatten(0, 1), self._sample)

    def _forward_ensemble(self, stack: Stack, x: torch.Tensor, hidden: list[torch.Tensor]) -> None:
        below = x.expand(NUM_CRITICS, -1, -1)
        for weight, bias, out in zip(stack.weights, stack.biases, hidden, strict=False):
            torch.bmm(below, weight, out=out)
            kernels.bias_relu_(out, bias)
            below = out

    def _critic_step(self, batch: Batch) -> None:
        """Equations 2, 3 and 5, Adam, and where it is due the targets' update."""
        state, config, size = self.state, self.config, batch.reward.shape[0]
        kernels.bellman_target(
            self._target_hidden[-1],
            self._target.weights[-1],
            self._target.biases[-1],
            self._sample.log_prob[:size],
            state.log_alpha,
            batch.reward,
            batch.stop_bootstrap,
            config.gamma,
            self._bellman,
        )
        kernels.critic_values_and_gradient(
            self._critic_hidden[-1],
            self._critic.weights[-1],
            self._critic.biases[-1],
            self._bellman,
            self._values,
            self._value_gradient,
            self._hidden_gradient[-1],
        )
        self._critic_parameter_gradients(batch)
        self._join()
        target_due = state.updates % config.target_network_frequency == 0
        kernels.adam_step(
            state.critic.flat,
            self.critics.gradient,
            state.critic_optim,
            config.q_lr,
            target=state.target.flat if target_due else None,
            tau=config.tau,
        )

    def _critic_parameter_gradients(self, batch: Batch) -> None:
        """Backpropagate the values' gradient (M, B) to all weights and biases of the critics."""
        with self._beside():
            last = self._value_gradient.unsqueeze(1)
            torch.bmm(last, self._critic_hidden[-1], out=self._critic.weight_gradients[-1].mT)
            torch.sum(last, dim=2, keepdim=True, out=self._critic.bias_gradients[-1])
        below = [batch.observation_action.expand(NUM_CRITICS, -1, -1), *self._critic_hidden]
        for depth in range(len(self._actor_hidden) - 1, -1, -1):
            gradient = self._hidden_gradient[depth]
            with self._beside():
                torch.sum(gradient, dim=1, keepdim=True, out=self._critic.bias_gradients[depth])
                torch.bmm(below[depth].mT, gradient, out=self._critic.weight_gradients[depth])
            if depth:
                self._through_ensemble(depth)

    def _through_ensemble(self, depth: int) -> None:
        """Gradient of hidden layer `depth - 1` from that of layer `depth`."""
        below, hidden = self._hidden_gradient[depth - 1], self._critic_hidden[depth - 1]
        torch.bmm(self._hidden_gradient[depth], self._critic.weights[depth].mT, out=below)
        torch.ops.aten.threshold_backward.grad_input(below, hidden, 0, grad_input=below)

    def _actor_step(self, size: int) -> None:
        """Equation 9: values of the own actions by the critics of now, and the way back to the actor."""
        self._forward_ensemble(self._critic, self._inputs[size:], self._critic_hidden)
        kernels.lowest_value_and_gradient(
            self._critic_hidden[-1],
            self._critic.weights[-1],
            self._critic.biases[-1],
            self._lowest,
            self._hidden_gradient[-1],
        )
        for depth in range(len(self._actor_hidden) - 1, 0, -1):
            self._through_ensemble(depth)
        first = self._critic.weights[0][:, self._action_columns]
        torch.bmm(self._hidden_gradient[0], first.mT, out=self._action_gradient)
        own = self._sample.rows(slice(size, None))
        kernels.head_gradient(own, self.scale, self.state.log_alpha, self._action_gradient, self._head_gradient)
        self._backward_actor(size)

    def _backward_actor(self, size: int) -> None:
        below = [self._inputs[size:, : self._observation_dim], *(hidden[size:] for hidden in self._actor_hidden)]
        gradient = self._head_gradient
        for depth in range(len(self._actor_hidden), -1, -1):
            with self._beside():
                torch.sum(gradient, dim=0, out=self._actor.bias_gradients[depth])
                torch.mm(below[depth].mT, gradient, out=self._actor.weight_gradients[depth])
            if depth:
                out = self._actor_gradient[depth - 1]
                torch.mm(gradient, self._actor.weights[depth].mT, out=out)
                torch.ops.aten.threshold_backward.grad_input(out, below[depth], 0, grad_input=out)
                gradient = out
        self._join()

    def _temperature_step(self, report: torch.Tensor, *, actor_due: bool) -> None:
        """Equation 18 and Adam, and what the whole gradient step reports."""
        state, size = self.state, self._bellman.shape[0]
        kernels.report_losses(
            self._values,
            self._bellman,
            self._lowest,
            self._sample.log_prob[size:],
            state.log_alpha,
            self.target_entropy,
            report,
            self._log_alpha_gradient,
            actor=actor_due,
        )
        if actor_due and self.config.autotune:
            kernels.adam_step(state.log_alpha, self._log_alpha_gradient, state.alpha_optim, self.config.q_lr)

    def _info(self, report: torch.Tensor, *, actor_due: bool) -> UpdateInfo:
        e = NUM_CRITICS
        return UpdateInfo(
            critic_losses=report[:e],
            q_values=report[e : 2 * e],
            alpha=report[2 * e : 2 * e + 1],
            actor_loss=report[2 * e + 1] if actor_due else None,
            alpha_loss=report[2 * e + 2] if actor_due and self.config.autotune else None,
        )

    @contextmanager
    def _beside(self) -> Iterator[None]:
        """Run work that nothing needs before the next `_join` on the side stream, where there is one."""
        if self._side is not None:
            self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side) if self._side is not None else nullcontext():
            yield

    def _join(self) -> None:
        if self._side is not None:
            torch.cuda.current_stream().wait_stream(self._side)
