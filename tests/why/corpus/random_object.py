"""A `random.Random` without a seed, in an object of the script's own."""

import random


class Buffer:
    def __init__(self):
        self.rng = random.Random()  # CAUSE
        self.items = list(range(50))

    def sample(self):
        return self.rng.sample(self.items, 4)


buffer = Buffer()
print([buffer.sample() for _ in range(5)])
