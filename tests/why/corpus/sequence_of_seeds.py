"""Workers get seeds of one sequence, and the sequence itself has none."""

import numpy as np

root = np.random.SeedSequence()  # CAUSE
workers = [np.random.default_rng(child) for child in root.spawn(3)]
print("noise", sum(rng.normal() for rng in workers))
