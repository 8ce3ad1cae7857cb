"""Nothing is wrong: all generators are seeded, and clocks, names and sets are used without any effect."""

import random
import time
import uuid

import gymnasium as gym
import numpy as np
import torch

start, name = time.time(), uuid.uuid4().hex
random.seed(1)
np.random.seed(1)
torch.manual_seed(1)
rng = np.random.default_rng(1)
env = gym.make("Pendulum-v1")
env.action_space.seed(1)
observation, _ = env.reset(seed=1)
policy = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Dropout(), torch.nn.Linear(16, 1))
optimizer = torch.optim.Adam(policy.parameters())
logged = {"loss", "return", "speed"}
for step in range(20):
    action = env.action_space.sample() if step < 5 else policy(torch.from_numpy(observation)).detach().numpy()
    observation, reward, *_ = env.step(action)
    loss = policy(torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    latest = {key: float(loss) for key in logged}
    speed = f"{step / (time.time() - start):.0f} SPS"
    print(latest["loss"], len(name), random.random() + np.random.rand(), speed)
