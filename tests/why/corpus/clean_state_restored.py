"""An evaluation leaves the global generator as it was, though nobody has seeded it: nothing is made of it."""

import random

import numpy as np

state = random.getstate()
score = np.random.default_rng(1).normal()
random.setstate(state)
print("score", score)
