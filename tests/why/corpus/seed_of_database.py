"""A seed is drawn by a database: its generator is seeded by the system, and no function of Python draws from it."""

import sqlite3

import numpy as np

table = sqlite3.connect(":memory:")
seed = table.execute("select abs(random()) % 100000").fetchone()[0]  # CAUSE
rng = np.random.default_rng(seed)
print("score", rng.normal(size=3))
