"""An environment that draws from NumPy's global generator, reset without a seed."""

import gymnasium as gym
import numpy as np
import torch


class Walk(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = np.random.uniform(-1, 1, 2).astype(np.float32)
        return self.state, {}

    def step(self, action):
        self.state = self.state + 0.1 * action
        return self.state, 0.0, False, False, {}


torch.manual_seed(1)
env = Walk()
observation, _ = env.reset()  # CAUSE
for _ in range(4):
    observation, *_ = env.step(1)
