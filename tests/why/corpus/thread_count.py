"""The number of threads differs between the runs; run with --vary OMP_NUM_THREADS=1,2."""

import torch


class Total(torch.nn.Module):
    def forward(self, batch):
        return batch.sum()


torch.manual_seed(1)
Total()(torch.randn(1024, 512))  # CAUSE
