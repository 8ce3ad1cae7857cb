"""Environments in worker processes are reset without a seed: what asks for entropy is a worker, the fault is here."""

import gymnasium as gym
import numpy as np

if __name__ == "__main__":
    envs = gym.vector.AsyncVectorEnv([lambda: gym.make("CartPole-v1") for _ in range(2)])
    envs.reset()  # CAUSE
    for _ in range(5):
        envs.step(np.zeros(2, dtype=np.int64))
    envs.close()
