"""A generator made without a seed."""

import numpy as np
import torch

torch.manual_seed(1)
np.random.seed(1)
rng = np.random.default_rng()  # CAUSE
policy = torch.nn.Linear(3, 2)
for _ in range(3):
    noise = rng.normal(size=3).astype(np.float32)
    policy(torch.from_numpy(noise))
