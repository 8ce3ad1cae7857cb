"""A seed taken from the process id."""

import os
import random

import numpy as np

seed = 1000 + os.getpid()  # CAUSE
random.seed(seed)
np.random.seed(seed % 2**32)
print(random.random(), np.random.rand())
