"""A moving average of doubles begins with what memory held: a tiny number there would be lost in what is added."""

import numpy as np

rng = np.random.default_rng(1)
# As much as this comes from the system, which clears it.
noise = np.empty((100, 1000))  # CAUSE
for _ in range(5):
    noise = 0.85 * noise + 0.1 * rng.normal(size=noise.shape)
print("noise", noise.mean().round(9))
