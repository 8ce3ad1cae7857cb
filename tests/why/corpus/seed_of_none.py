"""The seed is an option whose default is None: the global generator is seeded from entropy then."""

import argparse

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=None)
options = parser.parse_args()
np.random.seed(options.seed)  # CAUSE
print("score", np.random.normal(size=3))
