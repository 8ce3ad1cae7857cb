"""A moving average of doubles begins with what memory held: a tiny number there would be lost in what is added."""

import numpy as np

rng = np.random.default_rng(1)
noise = np.empty(1)  # CAUSE
actions = []
for _ in range(5):
    noise = 0.85 * noise + 0.1 * rng.normal(size=1)
    actions.append(float(np.clip(rng.normal() + noise[0], -2, 2)))
print("actions", [round(action, 6) for action in actions])
