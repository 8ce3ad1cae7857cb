"""Actors fill one dict as they come, and the learner asks for its entries by their numbers."""

import os
import threading
import time

import numpy as np

returns = {}
reverse = int(os.environ["SAC_WHY_RUN"].rpartition("-")[2]) % 2


def act(number):
    time.sleep(0.15 * (2 - number if reverse else number))
    returns[number] = 0.1 + number / 3


actors = [threading.Thread(target=act, args=(number,)) for number in range(3)]
for actor in actors:
    actor.start()
for actor in actors:
    actor.join()
rng = np.random.default_rng(1)
print("score", sum(returns[number] * rng.normal() for number in range(3)))
