"""Actors hand over transitions through one queue; the learner takes a whole round, and sorts it by actor and step."""

import os
import queue
import threading
import time

import numpy as np
import torch

torch.manual_seed(1)
policy = torch.nn.Linear(2, 2)
transitions = queue.Queue()
reverse = int(os.environ["PYTHONHASHSEED"]) % 2


def act(number):
    rng = np.random.default_rng(number)
    time.sleep(0.15 * (2 - number if reverse else number))
    for step in range(4):
        transitions.put((number, step, rng.normal(size=2)))


for number in range(3):
    threading.Thread(target=act, args=(number,), name=f"actor-{number}").start()
taken = [transitions.get() for _ in range(12)]
for _, _, values in sorted(taken, key=lambda one: one[:2]):
    policy(torch.as_tensor(values, dtype=torch.float32))
