"""Each thread has a generator of its own: it doesn't matter which comes first."""

import os
import threading
import time

import numpy as np

drawn = {}


def work(name, wait):
    rng = np.random.default_rng(ord(name))
    time.sleep(wait)
    drawn[name] = rng.normal(size=3)


first = os.environ["PYTHONHASHSEED"] == "1"
threads = [threading.Thread(target=work, args=(name, 0.2 * ((name == "a") == first))) for name in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(drawn["a"] + drawn["b"])
