"""Thousands of draws, for what tracing costs where there is nothing else."""

from __future__ import annotations

import random
import sys

random.seed(1)
total = 0.0
for _ in range(int(sys.argv[1])):
    total += random.random()
print(total)
