"""A loop that goes on for as long as the clock allows."""

import random
import time

random.seed(1)
start, total = time.time(), 0.0
while time.time() - start < 0.3:  # CAUSE
    total += random.random()
    time.sleep(0.001)
print(total)
