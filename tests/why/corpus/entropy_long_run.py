"""Deep in a long run a generator is seeded from entropy: thousands of draws before it are digested in blocks."""

import os
import random

random.seed(1)
total = 0.0
for number in range(20_000):
    total += random.random()
    if number == 15_000:
        random.seed(os.urandom(4))  # CAUSE
print(total)
