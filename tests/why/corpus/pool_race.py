"""The tasks of a pool draw from the worker's global generator, and which worker gets which task is a race."""

import multiprocessing
import os
import random
import time


def task(number):
    # One slow task leaves all the others to the other worker.
    time.sleep(0.2 if number == 0 or os.environ["PYTHONHASHSEED"] == "1" else 0)
    return number * random.random()  # CAUSE


if __name__ == "__main__":
    random.seed(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(task, range(4), chunksize=1))
