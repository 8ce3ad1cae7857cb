"""Python's hash of a string as a seed."""

import numpy as np

experiment = "stack-cube"
rng = np.random.default_rng(abs(hash(experiment)))  # CAUSE
print(rng.normal(size=3))
