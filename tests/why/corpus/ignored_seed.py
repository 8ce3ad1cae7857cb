"""An environment of the script's own is given a seed, and doesn't hand it on: its generator takes one from entropy."""

import gymnasium as gym
import numpy as np


class Reach(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float64)
    action_space = gym.spaces.Box(-1, 1, (2,), np.float64)

    def reset(self, *, seed=None, options=None):
        self.hand = np.zeros(2)
        return self.hand, {}

    def step(self, action):
        self.hand = self.hand + action + self.np_random.normal(0, 0.1, 2)  # CAUSE
        return self.hand, -float(np.abs(self.hand).sum()), False, False, {}


env = Reach()
env.reset(seed=1)
print(sum(env.step(np.ones(2) / 10)[1] for _ in range(20)))
