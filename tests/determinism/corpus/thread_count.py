"""The number of threads differs between the runs; run with --vary OMP_NUM_THREADS=1,2."""

import torch

torch.manual_seed(1)
value = torch.nn.Sequential(torch.nn.Linear(512, 512), torch.nn.Flatten(0), torch.nn.Linear(512 * 1024, 1))
batch = torch.randn(1024, 512)
value(batch)  # CAUSE
