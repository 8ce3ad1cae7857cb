"""A pool calls back as soon as a result is there, and the learner keeps what comes first."""

import multiprocessing.pool
import os
import random
import time

reverse = int(os.environ["SAC_WHY_RUN"].rpartition("-")[2]) % 2
scores = []


def play(number):
    time.sleep(0.15 * (2 - number if reverse else number))
    return number + 1.5


with multiprocessing.pool.ThreadPool(3) as pool:
    games = [pool.apply_async(play, (number,), callback=scores.append) for number in range(3)]  # CAUSE
    for game in games:
        game.wait()
rng = random.Random(1)
print("score", sum(score * rng.random() for score in scores))
