"""Demonstrations are loaded in the file system's order; `--vary listdir` gives the runs unlike ones."""

import os
import sys
import tempfile

import torch

torch.manual_seed(1)
policy = torch.nn.Linear(4, 2)
with tempfile.TemporaryDirectory() as folder:
    for number in range(6):
        torch.save(torch.full((4,), float(number)), os.path.join(folder, f"demo{number}.pt"))
    demos = [torch.load(os.path.join(folder, name)) for name in os.listdir(folder)]  # CAUSE
for demo in demos:
    policy(demo)
sys.stdout.write("done\n")
