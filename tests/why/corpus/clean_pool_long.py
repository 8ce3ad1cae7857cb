"""Each task of a pool makes its own generator, and one line draws in all of them, often enough for blocks."""

import multiprocessing
import os
import time

import numpy as np


def task(number):
    time.sleep(0.05 if number % 3 == int(os.environ["PYTHONHASHSEED"]) % 2 else 0)
    generator = np.random.default_rng(number)
    return sum(generator.normal() for _ in range(60))


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(task, range(12), chunksize=1))
