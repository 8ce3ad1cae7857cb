"""Each task of a pool makes its own generator: it doesn't matter which worker gets it."""

import multiprocessing
import os
import random
import time


def task(number):
    time.sleep(0.2 if number == 0 or os.environ["PYTHONHASHSEED"] == "1" else 0)
    return number * random.Random(number).uniform(0, 1)


if __name__ == "__main__":
    random.seed(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(sum(pool.map(task, range(4), chunksize=1)), random.random())
