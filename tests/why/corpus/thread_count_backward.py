"""The number of threads differs, and only the backward pass adds much up; run with --vary OMP_NUM_THREADS=1,2."""

import torch

torch.manual_seed(1)
net = torch.nn.Linear(64, 32)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loss = (net(torch.randn(4096, 64)) * torch.randn(4096, 32)).sum()
loss.backward()  # CAUSE
optimizer.step()
