"""The order of a set of names decides in which order sensors stand in an observation."""

import numpy as np
import torch

torch.manual_seed(1)
rng = np.random.default_rng(1)
policy = torch.nn.Linear(6, 2)
readings = {name: rng.normal() for name in ("hip", "knee", "ankle", "wrist", "elbow", "neck")}
names = set(readings)
observation = []
for name in names:  # CAUSE
    observation += [readings[name]]
policy(torch.tensor(observation, dtype=torch.float32))
