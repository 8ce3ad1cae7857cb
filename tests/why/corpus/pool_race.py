"""The tasks of a pool draw from the worker's global generator, and which worker gets which task is a race.

NumPy's generator: that of `random` is seeded anew, from entropy, in each forked process.
"""

import multiprocessing
import os
import time

import numpy as np


def task(number):
    # One slow task leaves all the others to the other worker.
    time.sleep(0.2 if number == 0 or os.environ["PYTHONHASHSEED"] == "1" else 0)
    return number * np.random.random()  # CAUSE


if __name__ == "__main__":
    np.random.seed(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(task, range(4), chunksize=1))
