"""Actors fill one dict: its order is that in which they came, though nothing random happens in their threads."""

import os
import threading
import time

import numpy as np

returns = {}
reverse = int(os.environ["SAC_WHY_RUN"].rpartition("-")[2]) % 2


def act(number):
    time.sleep(0.15 * (2 - number if reverse else number))
    returns[number] = 0.1 + number / 3  # CAUSE


actors = [threading.Thread(target=act, args=(number,)) for number in range(3)]
for actor in actors:
    actor.start()
for actor in actors:
    actor.join()
rng = np.random.default_rng(1)
print("score", sum(value * rng.normal() for value in returns.values()))
