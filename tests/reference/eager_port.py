"""The peer that speed is measured against: ManiSkill's SAC update, its operations one by one, in eager torch.

A port written for this benchmark: separate twin networks with targets of their own, `torch.distributions.Normal`,
torch's default Adam, a second actor pass for the temperature, target updates parameter by parameter, and a host sync
for alpha, in the order of ManiSkill's `examples/baselines/sac/sac.py`. It is not part of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn, optim
from torch.nn import functional as F  # noqa: N812

LOG_STD_MIN, LOG_STD_MAX = -5, 2


def mlp(fan_in: int) -> list[nn.Module]:
    return [nn.Linear(fan_in, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]


class Critic(nn.Module):
    def __init__(self, observation_dim: int, action_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(*mlp(observation_dim + action_dim), nn.Linear(256, 1))

    def forward(self, observation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        return self.net(torch.cat([observation, action], 1))


class Actor(nn.Module):
    def __init__(self, observation_dim: int, action_dim: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*mlp(observation_dim))
        self.fc_mean = nn.Linear(256, action_dim)
        self.fc_logstd = nn.Linear(256, action_dim)
        self.register_buffer("action_scale", torch.ones(action_dim))
        self.register_buffer("action_bias", torch.zeros(action_dim))

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.backbone(observation)
        mean, log_std = self.fc_mean(hidden), torch.tanh(self.fc_logstd(hidden))
        return mean, LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (log_std + 1)

    def get_action(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_std = self(observation)
        normal = torch.distributions.Normal(mean, log_std.exp())
        pre_squash = normal.rsample()
        squashed = torch.tanh(pre_squash)
        action = squashed * self.action_scale + self.action_bias
        log_prob = normal.log_prob(pre_squash)
        log_prob -= torch.log(self.action_scale * (1 - squashed.pow(2)) + 1e-6)
        log_prob = log_prob.sum(1, keepdim=True)
        return action, log_prob, torch.tanh(mean) * self.action_scale + self.action_bias


@dataclass
class Sample:
    obs: torch.Tensor
    next_obs: torch.Tensor
    actions: torch.Tensor
    rewards: torch.Tensor
    dones: torch.Tensor


class ReplayPort:
    """Five tensors, two index vectors from the global generator, five gathers."""

    def __init__(self, capacity: int, num_envs: int, observation_dim: int, action_dim: int, device: str) -> None:
        self.num_envs, self.device, self.pos, self.full, self.capacity = num_envs, device, 0, False, capacity
        shape = (capacity, num_envs)
        self.obs, self.next_obs = (torch.zeros((*shape, observation_dim), device=device) for _ in range(2))
        self.actions = torch.zeros((*shape, action_dim), device=device)
        self.rewards, self.dones = (torch.zeros(shape, device=device) for _ in range(2))

    def add(self, obs, next_obs, action, reward, done) -> None:
        self.obs[self.pos], self.next_obs[self.pos], self.actions[self.pos] = obs, next_obs, action
        self.rewards[self.pos], self.dones[self.pos] = reward, done
        self.pos += 1
        if self.pos == self.capacity:
            self.full, self.pos = True, 0

    def sample(self, batch_size: int) -> Sample:
        rows = torch.randint(0, self.capacity if self.full else self.pos, size=(batch_size,))
        envs = torch.randint(0, self.num_envs, size=(batch_size,))
        fields = (self.obs, self.next_obs, self.actions, self.rewards, self.dones)
        return Sample(*(field[rows, envs] for field in fields))


class EagerLearner:
    """Actor, twin critics, targets and their optimizers, updated as there."""

    def __init__(self, observation_dim: int, action_dim: int, device: str = "cpu", gamma=0.8, tau=0.01) -> None:
        self.gamma, self.tau = gamma, tau
        self.actor = Actor(observation_dim, action_dim).to(device)
        self.qf1, self.qf2, self.qf1_target, self.qf2_target = (
            Critic(observation_dim, action_dim).to(device) for _ in range(4)
        )
        self.qf1_target.load_state_dict(self.qf1.state_dict())
        self.qf2_target.load_state_dict(self.qf2.state_dict())
        self.q_optimizer = optim.Adam([*self.qf1.parameters(), *self.qf2.parameters()], lr=3e-4)
        self.actor_optimizer = optim.Adam(list(self.actor.parameters()), lr=3e-4)
        self.target_entropy = -float(action_dim)
        self.log_alpha = torch.zeros(1, requires_grad=True, device=device)
        self.alpha = self.log_alpha.exp().item()
        self.a_optimizer = optim.Adam([self.log_alpha], lr=3e-4)

    def update(self, data: Sample) -> None:
        self._update_critics(data)
        self._update_actor(data)
        for online, target in ((self.qf1, self.qf1_target), (self.qf2, self.qf2_target)):
            for param, target_param in zip(online.parameters(), target.parameters(), strict=True):
                target_param.data.copy_(self.tau * param.data + (1 - self.tau) * target_param.data)

    def _update_critics(self, data: Sample) -> None:
        with torch.no_grad():
            next_actions, next_log_pi, _ = self.actor.get_action(data.next_obs)
            next_q1 = self.qf1_target(data.next_obs, next_actions)
            next_q2 = self.qf2_target(data.next_obs, next_actions)
            soft_value = torch.min(next_q1, next_q2) - self.alpha * next_log_pi
            target = data.rewards.flatten() + (1 - data.dones.flatten()) * self.gamma * soft_value.view(-1)
        loss_1 = F.mse_loss(self.qf1(data.obs, data.actions).view(-1), target)
        loss_2 = F.mse_loss(self.qf2(data.obs, data.actions).view(-1), target)
        self.q_optimizer.zero_grad()
        (loss_1 + loss_2).backward()
        self.q_optimizer.step()

    def _update_actor(self, data: Sample) -> None:
        pi, log_pi, _ = self.actor.get_action(data.obs)
        min_q = torch.min(self.qf1(data.obs, pi), self.qf2(data.obs, pi))
        self.actor_optimizer.zero_grad()
        ((self.alpha * log_pi) - min_q).mean().backward()
        self.actor_optimizer.step()
        with torch.no_grad():
            _, log_pi, _ = self.actor.get_action(data.obs)
        alpha_loss = (-self.log_alpha.exp() * (log_pi + self.target_entropy)).mean()
        self.a_optimizer.zero_grad()
        alpha_loss.backward()
        self.a_optimizer.step()
        self.alpha = self.log_alpha.exp().item()
