"""Many small tasks of a pool, often enough for blocks, draw from the worker's global generator."""

import multiprocessing
import os
import time

import numpy as np


def noisy(number):
    time.sleep(0.3 if number == 0 or (number == 1 and os.environ["PYTHONHASHSEED"] == "1") else 0)
    return number + np.random.normal()  # CAUSE


if __name__ == "__main__":
    np.random.seed(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(noisy, range(240), chunksize=1)[-1])
