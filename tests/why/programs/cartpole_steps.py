"""Thousands of steps of a cheap environment, for what tracing costs where there is little else."""

from __future__ import annotations

import sys

import gymnasium as gym

env = gym.make("CartPole-v1")
env.reset(seed=1)
total = 0.0
for number in range(int(sys.argv[1])):
    observation, reward, ended, truncated, _ = env.step(number % 2)
    total += float(observation[0])
    if ended or truncated:
        env.reset()
print(total)
