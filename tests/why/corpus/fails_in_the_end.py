"""The order of a set decides on a result; much later the script fails, in every run."""

import numpy as np

rng = np.random.default_rng(1)
for name in {"hip", "knee", "ankle", "wrist"}:  # CAUSE
    rng.normal(loc=len(name))
for _ in range(20):
    rng.normal()
raise KeyError("final_observation")
