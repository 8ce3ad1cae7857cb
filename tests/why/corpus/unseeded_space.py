"""Warm-up actions from a space that nobody has seeded: ManiSkill issue 1250."""

import random

import gymnasium as gym
import numpy as np
import torch

random.seed(1)
np.random.seed(1)
torch.manual_seed(1)
env = gym.make("Pendulum-v1")
env.reset(seed=1)
for _ in range(5):
    action = env.action_space.sample()  # CAUSE
    env.step(action)
