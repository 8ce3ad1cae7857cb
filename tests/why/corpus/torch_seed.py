"""The seed of all is drawn by `torch.seed`, and made smaller on the way."""

import torch

seed = torch.seed() % 2**31  # CAUSE
torch.manual_seed(seed)
torch.randn(2)
