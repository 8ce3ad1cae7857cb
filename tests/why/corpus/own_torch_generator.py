"""A torch generator seeds itself."""

import torch

generator = torch.Generator()
generator.seed()  # CAUSE
for _ in range(10):
    torch.randn(3, generator=generator)
