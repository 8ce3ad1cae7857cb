"""A `RandomState` without a seed lives for thousands of draws."""

import numpy as np

rng = np.random.RandomState()  # CAUSE
total = 0.0
for _ in range(3000):
    total += rng.normal()
print(total)
