"""A draw comes from the operating system's generator, which no seed reaches."""

import random

random.seed(1)
scale = random.SystemRandom().uniform(0.5, 1.5)  # CAUSE
print("reward", sum(scale * random.random() for _ in range(20)))
