"""A worker's seed is taken out of the state of NumPy's global generator, which nobody has seeded."""

import numpy as np

state = np.random.get_state()[1]  # CAUSE
rng = np.random.default_rng(int(state.sum()))
print("noise", rng.normal())
