"""What is logged by the clock draws in C from the generator that training draws from."""

import time

import torch

torch.manual_seed(1)
logged = time.time()
for _ in range(2000):
    if time.time() - logged > 0.05:
        logged = time.time()
        torch.nn.functional.dropout(torch.ones(8), 0.5)  # CAUSE
    torch.rand(4)
