"""A vector of environments is seeded, and so is its action space; the space of one environment is another one."""

import gymnasium as gym
import numpy as np

envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1") for _ in range(4)])
envs.action_space.seed(1)
envs.reset(seed=1)
for _ in range(30):
    envs.step(np.array([envs.single_action_space.sample() for _ in range(envs.num_envs)]))  # CAUSE
