"""The SAC update (Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018), twin critics, no value net.

One gradient step is a function of parameters, optimizer moments, a batch and a noise block alone. It reads no clock and
no generator, never waits for the device, and writes its result in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sac.adam import adam_step
from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.networks import (
    ActionScale,
    Views,
    actor_shapes,
    critic_forward,
    critic_shapes,
    initialize,
    mean_action,
    sample_action,
)
from sac.replay import Batch
from sac.state import AdamState, LearnerState, Parameters
from sac.streams import Stream


@dataclass(frozen=True)
class UpdateInfo:
    """What one gradient step reports; scalars on the device, never waited for.

    Attributes:
        critic_losses: (E,) mean squared Bellman error of each critic.
        q_values: (E,) mean of each critic over the batch.
        actor_loss: scalar; None where the actor was not updated.
        alpha_loss: scalar; None where the temperature was not updated.
        alpha: temperature that this step used.
    """

    critic_losses: torch.Tensor
    q_values: torch.Tensor
    actor_loss: torch.Tensor | None
    alpha_loss: torch.Tensor | None
    alpha: torch.Tensor


class Learner:
    """Soft actor-critic: owns `LearnerState` and applies gradient steps to it.

    Args:
        config: learning rates, discount and frequencies are read from it.
        spec: sizes of observation and action, and the action box.
        device: where the networks live.
    """

    def __init__(self, config: TrainConfig, spec: EnvSpec, device: torch.device) -> None:
        self.config = config
        self.scale = ActionScale.of(spec.action_low, spec.action_high, device)
        self.target_entropy = -float(spec.action_dim)
        self.state = initial_state(config, spec, device)
        self._actor = _Trainable(self.state.actor)
        self._critic = _Trainable(self.state.critic)
        self._log_alpha_grad = torch.zeros_like(self.state.log_alpha)

    @property
    def alpha(self) -> torch.Tensor:
        """Temperature, shape (1,)."""
        return self.state.log_alpha.exp()

    @torch.no_grad()
    def act(self, observation: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Stochastic actions (N, A) for observations (N, O) and standard normal noise (N, A)."""
        return sample_action(self.state.actor.views, self.scale, observation, noise)[0]

    @torch.no_grad()
    def act_mean(self, observation: torch.Tensor) -> torch.Tensor:
        """Deterministic actions (N, A) for observations (N, O)."""
        return mean_action(self.state.actor.views, self.scale, observation)

    def update(self, batch: Batch, noise: torch.Tensor) -> UpdateInfo:
        """One gradient step.

        Args:
            batch: B transitions.
            noise: (2, B, A) standard normal: for the next action in the target, and for the actor's own action.
        """
        state, config = self.state, self.config
        state.updates += 1
        alpha = self.alpha
        critic_losses, q_values = self._update_critic(batch, noise[0], alpha)
        actor_loss = alpha_loss = None
        if state.updates % config.policy_frequency == 0:
            actor_loss, log_prob = self._update_actor(batch, noise[1], alpha)
            if config.autotune:
                alpha_loss = self._update_alpha(log_prob, alpha)
        if state.updates % config.target_network_frequency == 0:
            state.target.flat.lerp_(state.critic.flat, config.tau)
        return UpdateInfo(critic_losses, q_values, actor_loss, alpha_loss, alpha)

    def bellman_target(self, batch: Batch, noise: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """Equations 2 and 3: y = r + gamma (1 - stop) (min_i Q'_i(s', a') - alpha log pi(a'|s')), shape (B,)."""
        with torch.no_grad():
            action, log_prob = sample_action(self.state.actor.views, self.scale, batch.next_observation, noise)
            next_q = critic_forward(self.state.target.views, torch.cat([batch.next_observation, action], dim=-1))
            soft_value = torch.amin(next_q, dim=0) - alpha * log_prob
            return batch.reward + (1 - batch.stop) * self.config.gamma * soft_value

    def critic_losses(self, critic: Views, batch: Batch, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Equation 5 for each critic: mean over the batch of (Q_i(s, a) - y)^2; returns losses (E,), values (E, B)."""
        q = critic_forward(critic, batch.observation_action)
        return (q - target).square().mean(dim=1), q

    def actor_loss(
        self, actor: Views, batch: Batch, noise: torch.Tensor, alpha: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Equation 9: mean over the batch of alpha log pi(a|s) - min_i Q_i(s, a); returns it and log pi, (), (B,).

        The critics enter as constants: their weights take no gradient here.
        """
        action, log_prob = sample_action(actor, self.scale, batch.observation, noise)
        q = critic_forward(self.state.critic.views, torch.cat([batch.observation, action], dim=-1))
        return (alpha * log_prob - torch.amin(q, dim=0)).mean(), log_prob

    def _update_critic(
        self, batch: Batch, noise: torch.Tensor, alpha: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        target = self.bellman_target(batch, noise, alpha)
        losses, q = self.critic_losses(self._critic.views, batch, target)
        self._critic.backward(losses.sum())
        adam_step(self._critic.flat, self._critic.grad, self.state.critic_optim, self.config.q_lr)
        return losses.detach(), q.detach().mean(dim=1)

    def _update_actor(
        self, batch: Batch, noise: torch.Tensor, alpha: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        loss, log_prob = self.actor_loss(self._actor.views, batch, noise, alpha)
        self._actor.backward(loss)
        adam_step(self._actor.flat, self._actor.grad, self.state.actor_optim, self.config.policy_lr)
        return loss.detach(), log_prob.detach()

    def _update_alpha(self, log_prob: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """Equation 18 in log alpha: L = mean of -alpha (log pi + target entropy), whose derivative is L itself."""
        loss = -(alpha * (log_prob + self.target_entropy).mean())
        self._log_alpha_grad.copy_(loss)
        adam_step(self.state.log_alpha, self._log_alpha_grad, self.state.alpha_optim, self.config.q_lr)
        return loss[0]


class _Trainable:
    """The trainable face of `Parameters`: leaf views that take gradients, gathered in one flat gradient."""

    def __init__(self, parameters: Parameters) -> None:
        self.flat = parameters.flat
        self.grad = torch.zeros_like(parameters.flat)
        self.views = {name: view.detach().requires_grad_() for name, view in parameters.views.items()}
        self._grad_views = _views_like(self.grad, parameters)

    def backward(self, loss: torch.Tensor) -> None:
        gradients = torch.autograd.grad(loss, list(self.views.values()))
        torch._foreach_copy_(self._grad_views, list(gradients))


def _views_like(flat: torch.Tensor, parameters: Parameters) -> list[torch.Tensor]:
    sizes = [view.numel() for view in parameters.views.values()]
    pieces = torch.split(flat, sizes)
    return [piece.view_as(view) for piece, view in zip(pieces, parameters.views.values(), strict=True)]


def initial_state(config: TrainConfig, spec: EnvSpec, device: torch.device) -> LearnerState:
    """Networks drawn from the run's streams, targets equal to the critics, all moments zero."""
    actor = Parameters.zeros(actor_shapes(spec.observation_dim, spec.action_dim), device)
    critic = Parameters.zeros(critic_shapes(spec.observation_dim, spec.action_dim), device)
    target = Parameters.zeros(critic_shapes(spec.observation_dim, spec.action_dim), device)
    initialize(actor, Stream(config.seed, "init.actor"))
    initialize(critic, Stream(config.seed, "init.critic"))
    target.flat.copy_(critic.flat)
    alpha = 1.0 if config.autotune else config.alpha
    log_alpha = torch.full((1,), alpha, dtype=torch.float32, device=device).log()
    return LearnerState(
        actor=actor,
        critic=critic,
        target=target,
        log_alpha=log_alpha,
        actor_optim=AdamState.zeros_like(actor.flat),
        critic_optim=AdamState.zeros_like(critic.flat),
        alpha_optim=AdamState.zeros_like(log_alpha),
    )
