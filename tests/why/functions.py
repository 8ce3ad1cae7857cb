"""Functions for the tests of the pytest plugin."""

import numpy as np


def seeded(seed):
    return np.random.default_rng(seed).normal(size=3)


def unseeded():
    return np.random.default_rng().normal(size=3)


def ordered_by_a_set():
    return list({"hip", "knee", "ankle", "wrist", "elbow"})


def failing(seed):
    raise ValueError(f"no {seed}")
