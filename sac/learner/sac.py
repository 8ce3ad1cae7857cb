"""The SAC update (Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018), twin critics, no value net.

One gradient step depends only on parameters, optimizer moments, a batch and a noise block. It reads no clock and no
generator, never waits for the device, and writes its result in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.networks import (
    ActionScale,
    Activations,
    Actor,
    CriticEnsemble,
    PolicySample,
    actor_shapes,
    critic_shapes,
    initialize,
    mean_action,
    policy_gradient,
    sample_policy,
)
from sac.numerics.adam import adam_step
from sac.numerics.matmul import Matmul, matmul_for
from sac.replay import Batch
from sac.state import AdamState, LearnerState, Parameters
from sac.streams import Streams


@dataclass(frozen=True)
class UpdateInfo:
    """What one gradient step reports; scalars on the device, never waited for.

    Attributes:
        critic_losses: (E,) mean squared Bellman error of each critic.
        q_values: (E,) mean of each critic over the batch.
        actor_loss: scalar; None if the actor was not updated.
        alpha_loss: scalar; None if the temperature was not updated.
        alpha: (1,), the temperature that this step used.
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
        matmul: multiplies; by default as torch does it on the device.
    """

    def __init__(self, config: TrainConfig, spec: EnvSpec, device: torch.device, matmul: Matmul | None = None) -> None:
        self.config = config
        self.scale = ActionScale.of(spec.action_low, spec.action_high, device)
        self.target_entropy = -float(spec.action_dim)
        self.state = initial_state(config, spec, device)
        self.matmul = matmul = matmul or matmul_for(device)
        self.actor = Actor(matmul, self.state.actor)
        self.critics = CriticEnsemble(matmul, self.state.critic)
        self.targets = CriticEnsemble(matmul, self.state.target)
        self._log_alpha_gradient = torch.zeros_like(self.state.log_alpha)
        self._action_columns = slice(spec.observation_dim, spec.observation_dim + spec.action_dim)

    @property
    def alpha(self) -> torch.Tensor:
        """Temperature, shape (1,)."""
        return self.state.log_alpha.exp()

    @torch.no_grad()
    def act(self, observation: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return stochastic actions (N, A) for observations (N, O) and standard normal noise (N, A)."""
        return sample_policy(self.actor.forward(observation)[-1], self.scale, noise).action

    @torch.no_grad()
    def act_mean(self, observation: torch.Tensor) -> torch.Tensor:
        """Return deterministic actions (N, A) for observations (N, O)."""
        return mean_action(self.actor.forward(observation)[-1], self.scale)

    @torch.no_grad()
    def update(self, batch: Batch, noise: torch.Tensor) -> UpdateInfo:
        """Take one gradient step.

        Args:
            batch: B transitions.
            noise: (2, B, A) standard normal: first for the next action in the target, then for the actor's own action.
        """
        state, config = self.state, self.config
        state.updates += 1
        alpha = self.alpha
        # The actor does not change before its own step, so one pass serves the target and the actor's loss.
        both = torch.cat([batch.next_observation, batch.observation])
        activations = self.actor.forward(both)
        sample = sample_policy(activations[-1], self.scale, noise.flatten(0, 1))
        size = batch.reward.shape[0]
        critic_losses, q_values = self._update_critics(batch, sample.rows(slice(0, size)), alpha)
        actor_loss = alpha_loss = None
        if state.updates % config.policy_frequency == 0:
            own = slice(size, None)
            actor_loss = self._update_actor([layer[own] for layer in activations], sample.rows(own), alpha)
            if config.autotune:
                alpha_loss = self._update_alpha(sample.log_prob[own], alpha)
        if state.updates % config.target_network_frequency == 0:
            state.target.flat.lerp_(state.critic.flat, config.tau)
        return UpdateInfo(critic_losses, q_values, actor_loss, alpha_loss, alpha)

    def bellman_target(self, batch: Batch, next_sample: PolicySample, alpha: torch.Tensor) -> torch.Tensor:
        """Equations 2 and 3: y = r + gamma (1 - d) (min_i Q'_i(s', a') - alpha log pi(a'|s')), shape (B,).

        d is the batch's `stop_bootstrap`.
        """
        next_q, _ = self.targets.forward(torch.cat([batch.next_observation, next_sample.action], dim=-1))
        soft_value = torch.amin(next_q, dim=0) - alpha * next_sample.log_prob
        return batch.reward + (1 - batch.stop_bootstrap) * self.config.gamma * soft_value

    def critic_loss(self, batch: Batch, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Equation 5 for each critic: the mean over the batch of (Q_i(s, a) - y)^2.

        Writes the parameters' gradient, 2 (Q_i - y) / B through the network, into `critics.gradient`.

        Returns:
            Losses (E,) and values (E, B).
        """
        q, activations = self.critics.forward(batch.observation_action)
        error = q - target
        self.critics.backward(activations, error * (2 / error.shape[1]))
        return error.square().mean(dim=1), q

    def actor_loss(self, activations: Activations, sample: PolicySample, alpha: torch.Tensor) -> torch.Tensor:
        """Equation 9: the mean over the batch of alpha log pi(a|s) - min_i Q_i(s, a).

        Writes the actor's gradient into `actor.gradient`. The critics are constants: only the action takes a gradient
        through them, and only through the lower of their values.

        Args:
            activations: of the actor, for the batch's observations; the first is (B, O), the last (B, 2A).
            sample: the B actions drawn from them.
            alpha: temperature, (1,).

        Returns:
            The loss, a scalar.
        """
        size = sample.action.shape[0]
        q, through = self.critics.forward(torch.cat([activations[0], sample.action], dim=-1))
        lowest, which = torch.min(q, dim=0)
        chosen = torch.arange(q.shape[0], device=q.device).unsqueeze(-1) == which
        action_gradient = self.critics.input_gradient(through, chosen * (-1.0 / size), self._action_columns)
        self.actor.backward(activations, policy_gradient(sample, self.scale, alpha / size, action_gradient))
        return (alpha * sample.log_prob - lowest).mean()

    def alpha_loss(self, log_prob: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """Equation 18 in log alpha: L = mean over log pi (B,) of -alpha (log pi + target entropy), (1,).

        L is its own gradient by log alpha.
        """
        return -(alpha * (log_prob + self.target_entropy).mean())

    def _update_critics(
        self, batch: Batch, next_sample: PolicySample, alpha: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        losses, q = self.critic_loss(batch, self.bellman_target(batch, next_sample, alpha))
        adam_step(self.state.critic.flat, self.critics.gradient, self.state.critic_optim, self.config.q_lr)
        return losses, q.mean(dim=1)

    def _update_actor(self, activations: Activations, sample: PolicySample, alpha: torch.Tensor) -> torch.Tensor:
        loss = self.actor_loss(activations, sample, alpha)
        adam_step(self.state.actor.flat, self.actor.gradient, self.state.actor_optim, self.config.policy_lr)
        return loss

    def _update_alpha(self, log_prob: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        loss = self.alpha_loss(log_prob, alpha)
        self._log_alpha_gradient.copy_(loss)
        adam_step(self.state.log_alpha, self._log_alpha_gradient, self.state.alpha_optim, self.config.q_lr)
        return loss[0]


def initial_state(config: TrainConfig, spec: EnvSpec, device: torch.device) -> LearnerState:
    """Return networks drawn from the run's streams, targets equal to the critics, and moments of zero."""
    actor = Parameters.zeros(actor_shapes(spec.observation_dim, spec.action_dim), device)
    critic = Parameters.zeros(critic_shapes(spec.observation_dim, spec.action_dim), device)
    target = Parameters.zeros(critic_shapes(spec.observation_dim, spec.action_dim), device)
    streams = Streams(config.seed)
    initialize(actor, streams.initial_actor)
    initialize(critic, streams.initial_critic)
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
