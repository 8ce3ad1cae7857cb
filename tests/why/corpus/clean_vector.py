"""Nothing is wrong: a vector of environments in processes of their own, all seeded."""

import gymnasium as gym
import torch

if __name__ == "__main__":
    torch.manual_seed(1)
    envs = gym.vector.AsyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2)
    envs.action_space.seed(1)
    observations, _ = envs.reset(seed=1)
    for _ in range(30):
        observations, *_ = envs.step(envs.action_space.sample())
    print(torch.from_numpy(observations).sum().item(), torch.rand(2).tolist())
    envs.close()
