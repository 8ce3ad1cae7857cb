"""A library whose generator nobody sees is given the time as its seed."""

import hashlib
import time


def noise(count, random_state):
    """Stand for compiled code that draws."""
    return [hashlib.sha256(f"{random_state} {index}".encode()).hexdigest()[:4] for index in range(count)]


print("training")
print(noise(3, random_state=time.time_ns() // 10**9))  # CAUSE
