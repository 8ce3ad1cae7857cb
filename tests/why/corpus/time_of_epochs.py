"""A run ends when its time is over; each epoch shows its own time, which is asked for in between."""

import random
import time

random.seed(1)


def epoch():
    since = time.time()
    time.sleep(0.05)
    value = random.random()
    print(f"time: {time.time() - since:.3f} s")
    return value


begun = time.time()
for _ in range(100):
    epoch()
    if time.time() - begun > 0.5:  # CAUSE
        break
