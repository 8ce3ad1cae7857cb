"""An environment of gymnasium's is reset without a seed: no global seed reaches its own generator."""

import random

import gymnasium as gym
import numpy as np

random.seed(1)
np.random.seed(1)
env = gym.make("CartPole-v1")
observation, _ = env.reset()  # CAUSE
for step in range(10):
    observation, *_ = env.step(step % 2)
