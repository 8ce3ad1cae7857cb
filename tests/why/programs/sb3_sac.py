"""Stable-Baselines3's SAC, with a seed or without (`--fault`)."""

import sys

import torch
from stable_baselines3 import SAC

torch.set_num_threads(1)
seed = None if "--fault" in sys.argv else 1
model = SAC("MlpPolicy", "Pendulum-v1", seed=seed, learning_starts=50, batch_size=32, device="cpu")
model.learn(80)
print("result", float(sum(part.detach().double().sum() for part in model.policy.parameters())).hex())
