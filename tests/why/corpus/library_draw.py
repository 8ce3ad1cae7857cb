"""A library draws in code that no hook sees: only the generator's state tells, and the second pass the line."""

import random

import numpy as np
import torch

random.seed(1)
np.random.seed(1)
noise = torch.distributions.Normal(torch.zeros(3), 1.0).sample()  # CAUSE
scaled = noise * 2
net = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)
with torch.no_grad():
    net.weight.fill_(1.0)
    net.bias.fill_(0.0)
net(scaled)
