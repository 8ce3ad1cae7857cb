"""A set gives up one of its names, whichever comes first."""

import torch

torch.manual_seed(1)
names = {"alpha", "be", "gamma1", "d"}
scale = float(len(names.pop()))  # CAUSE
net = torch.nn.Linear(4, 2)
net(torch.ones(4) * scale)
