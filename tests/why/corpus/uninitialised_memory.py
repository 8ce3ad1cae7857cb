"""Half of a buffer is never written, and all of it is read."""

import os

import torch

torch.manual_seed(1)
policy = torch.nn.Linear(4096, 2)
# Memory that was used before holds what it held then.
used = torch.frombuffer(bytearray(os.urandom(4 * 4096)), dtype=torch.int32).clone()
del used
buffer = torch.empty(4096)  # CAUSE
buffer[:2048] = 1.0
policy(torch.nan_to_num(buffer).clamp(-1, 1))
