"""SAC in one file, in the style of the field's single-file scripts. `--fault` leaves the space unseeded."""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F  # noqa: N812, the name that everybody uses


@dataclass
class Replay:
    capacity: int
    widths: tuple[int, int]
    device: str = "cpu"

    def __post_init__(self):
        observation, action = self.widths
        self.rows = torch.zeros(self.capacity, 2 * observation + action + 2)
        self.size = self.at = 0

    def add(self, *parts):
        row = torch.cat([torch.as_tensor(part, dtype=torch.float32).reshape(-1) for part in parts])
        self.rows[self.at] = row
        self.at = (self.at + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def sample(self, size):
        rows = self.rows[torch.randint(0, self.size, (size,))]
        observation, action = self.widths
        return rows.split([observation, action, 1, observation, 1], dim=1)


class Actor(nn.Module):
    def __init__(self, observation, action):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(observation, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.mean, self.log_std = nn.Linear(256, action), nn.Linear(256, action)

    def forward(self, observation):
        hidden = self.trunk(observation)
        std = self.log_std(hidden).clamp(-5, 2).exp()
        normal = torch.distributions.Normal(self.mean(hidden), std)
        free = normal.rsample()
        log_prob = normal.log_prob(free) - 2 * (np.log(2) - free - F.softplus(-2 * free))
        return torch.tanh(free), log_prob.sum(1, keepdim=True)


def critic(observation, action):
    return nn.Sequential(
        nn.Linear(observation + action, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1)
    )


def make(options):
    if not options.env.endswith("-v1") or options.env.startswith(("Pendulum", "CartPole")):
        return gym.make(options.env)
    from sac.envs.maniskill.headless import prepare_rendering

    prepare_rendering()  # lets ManiSkill run where there is no Vulkan device
    import mani_skill.envs  # noqa: F401
    from mani_skill.utils.wrappers.gymnasium import CPUGymWrapper

    made = gym.make(options.env, obs_mode="state", sim_backend="physx_cpu", render_backend="none")
    return CPUGymWrapper(made)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Pendulum-v1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--learning-starts", type=int, default=40)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--fault", action="store_true")
    options = parser.parse_args()
    random.seed(options.seed)
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    envs = make(options)
    if not options.fault:
        envs.action_space.seed(options.seed)
    widths = envs.observation_space.shape[-1], envs.action_space.shape[-1]
    actor, critics = Actor(*widths), [critic(*widths) for _ in range(2)]
    targets = [critic(*widths) for _ in range(2)]
    for target, online in zip(targets, critics, strict=True):
        target.load_state_dict(online.state_dict())
    critic_optimizer = torch.optim.Adam([part for net in critics for part in net.parameters()], lr=3e-4)
    actor_optimizer = torch.optim.Adam(actor.parameters(), lr=3e-4)
    replay = Replay(10_000, widths)
    started = time.time()
    observation, _ = envs.reset(seed=options.seed)
    for step in range(options.steps):
        if step < options.learning_starts:
            action = envs.action_space.sample()
        else:
            with torch.no_grad():
                action = actor(torch.as_tensor(observation).reshape(1, -1))[0].numpy()[0]
        following, reward, terminated, truncated, _ = envs.step(action)
        replay.add(observation, action, reward, following, float(terminated))
        observation = following
        if terminated or truncated:
            observation, _ = envs.reset()
        if step < options.learning_starts:
            continue
        o, a, r, n, d = replay.sample(options.batch)
        with torch.no_grad():
            next_action, next_log_prob = actor(n)
            value = torch.min(*[net(torch.cat([n, next_action], 1)) for net in targets]) - 0.2 * next_log_prob
            goal = r + 0.99 * (1 - d) * value
        critic_loss = sum(F.mse_loss(net(torch.cat([o, a], 1)), goal) for net in critics)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        fresh, log_prob = actor(o)
        actor_loss = (0.2 * log_prob - torch.min(*[net(torch.cat([o, fresh], 1)) for net in critics])).mean()
        actor_optimizer.zero_grad()
        actor_loss.backward()
        actor_optimizer.step()
        for target, online in zip(targets, critics, strict=True):
            for old, new in zip(target.parameters(), online.parameters(), strict=True):
                old.data.copy_(0.005 * new.data + 0.995 * old.data)
    print(f"speed {options.steps / (time.time() - started):.1f} it/s")
    print("result", critic_loss.item().hex(), actor_loss.item().hex(), [float(part).hex() for part in observation])


if __name__ == "__main__":
    main()
