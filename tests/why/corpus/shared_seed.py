"""Every environment of a vector gets the same seed: no divergence, but copies of one episode. A warning."""

import gymnasium as gym

envs = gym.vector.SyncVectorEnv([lambda: gym.make("Pendulum-v1")] * 3)
envs.action_space.seed(1)
observations, _ = envs.reset(seed=[7, 7, 7])  # CAUSE
for _ in range(3):
    envs.step(envs.action_space.sample())
