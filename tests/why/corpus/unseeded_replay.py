"""A replay buffer that draws its indices from a generator that nobody has seeded."""

import numpy as np
import torch

torch.manual_seed(1)
critic = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
storage = torch.randn(100, 4)


def sample(size):
    index = np.random.randint(0, len(storage), size)  # CAUSE
    return storage[index]


for _ in range(5):
    loss = critic(sample(16)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
