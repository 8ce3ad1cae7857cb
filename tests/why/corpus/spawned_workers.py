"""Workers started by spawn: the parent's global seeds don't reach them, and their environments draw without any."""

import gymnasium as gym
import numpy as np


class Walk(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.random.uniform(-1, 1, 2), {}  # CAUSE

    def step(self, action):
        return np.zeros(2), 0.0, False, False, {}


if __name__ == "__main__":
    np.random.seed(1)
    envs = gym.vector.AsyncVectorEnv([Walk] * 2, context="spawn", shared_memory=False)
    envs.reset(seed=1)
    envs.step(np.array([0, 1]))
    envs.close()
