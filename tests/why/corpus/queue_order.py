"""Actors with a generator each hand over transitions through one queue, and the learner takes them as they come."""

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
    for _ in range(4):
        transitions.put(rng.normal(size=2))


for number in range(3):
    threading.Thread(target=act, args=(number,), name=f"actor-{number}").start()
for _ in range(12):
    transition = transitions.get()  # CAUSE
    policy(torch.as_tensor(transition, dtype=torch.float32))
