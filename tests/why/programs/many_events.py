"""As many events as wanted, `many_events.py N`; prints what memory it took at most, untraced or traced."""

import resource
import sys

import numpy as np

rng = np.random.default_rng(1)
total = 0.0
for _ in range(int(sys.argv[1])):
    total += rng.normal()
print("result", total.hex())
print("speed, peak memory in KiB:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
