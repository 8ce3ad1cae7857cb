"""The number of threads differs, and only the backward pass adds much up; run with --vary OMP_NUM_THREADS=1,2."""

import torch


class Scales(torch.nn.Module):
    """Each gradient is one sum over a batch, which threads share on any CPU; matrix products are shared on some."""

    def __init__(self):
        super().__init__()
        self.factors = torch.nn.ParameterList(torch.ones(()) for _ in range(16))

    def forward(self, batches):
        return sum(batch * factor for batch, factor in zip(batches, self.factors, strict=True))


torch.manual_seed(1)
net = Scales()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loss = (net(torch.randn(16, 512, 256)) * torch.randn(512, 256)).sum()
loss.backward()  # CAUSE
optimizer.step()
