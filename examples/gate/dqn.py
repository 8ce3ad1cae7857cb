"""Deep Q-learning on CartPole in one file, as people write it who don't know this package.

It is seeded wherever it draws. Without the line `env.action_space.seed(...)` it is not.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from torch import nn


def parse() -> argparse.Namespace:
    """Read the flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--learning-starts", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epsilon", type=float, default=0.1)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--output", type=Path, default=Path("runs/dqn"))
    return parser.parse_args()


class QNetwork(nn.Sequential):
    """The value of each action in a state."""

    def __init__(self, observation: int, actions: int) -> None:
        super().__init__(nn.Linear(observation, 64), nn.ReLU(), nn.Linear(64, actions))


def main() -> None:
    """Train, and save the network."""
    args = parse()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    env = gym.make("CartPole-v1")
    env.action_space.seed(args.seed)
    q = QNetwork(env.observation_space.shape[0], int(env.action_space.n))
    optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
    memory: list[tuple[np.ndarray, int, float, np.ndarray, bool]] = []
    observation, _ = env.reset(seed=args.seed)
    episode_return = 0.0
    for step in range(args.steps):
        if step < args.learning_starts or random.random() < args.epsilon:
            action = int(env.action_space.sample())
        else:
            action = int(q(torch.from_numpy(observation)).argmax())
        following, reward, terminated, truncated, _ = env.step(action)
        memory.append((observation, action, float(reward), following, terminated))
        observation, episode_return = following, episode_return + float(reward)
        if terminated or truncated:
            print(f"step {step}: return {episode_return}")
            observation, _ = env.reset()
            episode_return = 0.0
        if step >= args.learning_starts:
            batch = [memory[index] for index in np.random.randint(len(memory), size=args.batch_size)]
            update(q, optimizer, batch, args.gamma)
    args.output.mkdir(parents=True, exist_ok=True)
    torch.save(q.state_dict(), args.output / "q.pt")


def update(q: QNetwork, optimizer: torch.optim.Optimizer, batch: list, gamma: float) -> None:
    """Take one gradient step on the squared Bellman error."""
    observations, actions, rewards, following, ends = map(np.array, zip(*batch, strict=True))
    with torch.no_grad():
        best = q(torch.from_numpy(following)).max(1).values
        target = torch.from_numpy(rewards).float() + gamma * best * torch.from_numpy(~ends)
    chosen = q(torch.from_numpy(observations)).gather(1, torch.from_numpy(actions)[:, None]).squeeze(1)
    optimizer.zero_grad()
    (chosen - target).square().mean().backward()
    optimizer.step()


if __name__ == "__main__":
    main()
