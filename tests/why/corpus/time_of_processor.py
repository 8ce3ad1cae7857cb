"""A step's size is made of the processor time that was used; no clock of Python's module `time` is asked."""

import random
import resource


def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime  # CAUSE


rng = random.Random(1)
weights = [rng.gauss(0, 1) for _ in range(9)]
weights = [weight - 0.1 * used() for weight in weights]
print("score", sum(weights))
