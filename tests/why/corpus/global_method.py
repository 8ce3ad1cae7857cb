"""A library takes the object behind NumPy's functions, as scikit-learn does, and nobody has seeded it."""

import random

import numpy as np

random.seed(1)


def check_random_state():
    return np.random.mtrand._rand


order = check_random_state().permutation(20)  # CAUSE
random.random()
print(order)
