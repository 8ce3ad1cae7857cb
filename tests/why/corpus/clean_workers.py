"""Nothing is wrong: results in order of submission, sorted listings, sets that are sorted, memory that is written."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

torch.manual_seed(1)
policy = torch.nn.Linear(3, 2)
with ThreadPoolExecutor(3) as pool:
    results = list(pool.map(lambda number: float(number) ** 2, range(3)))
with tempfile.TemporaryDirectory() as folder:
    for name in ("c", "a", "b"):
        open(os.path.join(folder, name), "w").close()
    names = sorted(os.listdir(folder))
buffer = torch.empty(3)
buffer.copy_(torch.tensor(results))
policy(buffer)
weights = {name: float(len(name)) for name in sorted({"hip", "knee", "ankle"})}
policy(torch.tensor(list(weights.values())))
generator = np.random.Generator(np.random.PCG64(3))
print(names, generator.normal(), np.random.RandomState(4).rand())
