"""A seed taken from the clock."""

import time

import torch

start = time.perf_counter()
seed = time.time_ns() % 2**31  # CAUSE
torch.manual_seed(seed)
policy = torch.nn.Linear(3, 2)
policy(torch.rand(3))
print(f"{time.perf_counter() - start:.1f} s")
