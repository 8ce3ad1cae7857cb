"""Noise is seeded with the number that the system has given the thread."""

import threading

import numpy as np

rng = np.random.default_rng(threading.get_native_id())  # CAUSE
print("noise", rng.normal())
