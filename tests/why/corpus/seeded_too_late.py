"""Seeds are set after the environment was built; building it draws from a global generator."""

import gymnasium as gym
import numpy as np
import torch


class Track(gym.Env):
    observation_space = gym.spaces.Box(-np.inf, np.inf, (3,))
    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        self.friction = np.random.uniform(0.5, 1.0, 3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.friction.astype(np.float32), {}

    def step(self, action):
        return self.friction.astype(np.float32), 0.0, False, False, {}


gym.register("Track-v0", entry_point=Track)
env = gym.make("Track-v0", disable_env_checker=True)  # CAUSE
np.random.seed(1)
torch.manual_seed(1)
env.action_space.seed(1)
observation, _ = env.reset(seed=1)
for _ in range(3):
    env.step(env.action_space.sample())
print(np.random.rand())
