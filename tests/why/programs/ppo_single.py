"""PPO in one file, on a vector of environments. `--fault` shuffles minibatches by a generator nobody seeded."""

from __future__ import annotations

import argparse

import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn


class Agent(nn.Module):
    def __init__(self, observation, actions):
        super().__init__()
        self.value = nn.Sequential(nn.Linear(observation, 64), nn.Tanh(), nn.Linear(64, 1))
        self.policy = nn.Sequential(nn.Linear(observation, 64), nn.Tanh(), nn.Linear(64, actions))

    def forward(self, observation):
        return torch.distributions.Categorical(logits=self.policy(observation)), self.value(observation).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--fault", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    if not options.fault:
        np.random.seed(options.seed)
    envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 4)
    agent = Agent(4, 2)
    optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-4, eps=1e-5)
    observation, _ = envs.reset(seed=options.seed)
    for _ in range(options.iterations):
        rollout = []
        for _ in range(32):
            with torch.no_grad():
                policy, value = agent(torch.as_tensor(observation))
                action = policy.sample()
            following, reward, terminated, truncated, _ = envs.step(action.numpy())
            done = torch.as_tensor(terminated | truncated, dtype=torch.float32)
            rollout.append(
                (torch.as_tensor(observation), action, policy.log_prob(action), value, torch.as_tensor(reward), done)
            )
            observation = following
        observations, actions, log_probs, values, rewards, dones = (
            torch.stack(part) for part in zip(*rollout, strict=True)
        )
        returns = torch.zeros_like(rewards)
        future = torch.zeros(4)
        for step in reversed(range(32)):
            future = rewards[step] + 0.99 * future * (1 - dones[step])
            returns[step] = future
        flat = [
            part.reshape(-1, *part.shape[2:]).float() for part in (observations, actions, log_probs, values, returns)
        ]
        indices = np.arange(len(flat[0]))
        for _ in range(2):
            np.random.shuffle(indices)
            for start in range(0, len(indices), 32):
                o, a, old, v, r = (part[indices[start : start + 32]] for part in flat)
                policy, value = agent(o)
                ratio = (policy.log_prob(a) - old).exp()
                advantage = r - v
                loss = (
                    -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
                    + 0.5 * (value - r).square().mean()
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    print("result", loss.item().hex())


if __name__ == "__main__":
    main()
