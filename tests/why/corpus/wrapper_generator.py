"""A wrapper makes a generator without a seed; the reset of the environments is seeded, and reaches it not."""

import gymnasium as gym
import numpy as np


class Noise(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.rng = np.random.default_rng()  # CAUSE

    def observation(self, observation):
        return (observation + self.rng.normal(0, 0.01, observation.shape)).astype(np.float32)


envs = gym.vector.SyncVectorEnv([lambda: Noise(gym.make("CartPole-v1"))] * 2)
envs.action_space.seed(1)
observation, _ = envs.reset(seed=1)
for _ in range(3):
    envs.step(envs.action_space.sample())
