"""A step is smaller where the last one is long ago: each of the first run is, and of one whose clock goes faster."""

import random
import time

random.seed(1)
last = time.monotonic()
size = 1.0
for _ in range(8):
    time.sleep(0.1)
    if time.monotonic() - last > 0.06:  # CAUSE
        last = time.monotonic()
        size *= 0.9
    random.gauss(0, size)
