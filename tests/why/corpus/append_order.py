"""Actors with a generator each append to one buffer: the lock keeps it whole, but not in order."""

import os
import threading
import time

import numpy as np
import torch

torch.manual_seed(1)
policy = torch.nn.Linear(2, 2)
buffer = []
lock = threading.Lock()
reverse = int(os.environ["PYTHONHASHSEED"]) % 2


def act(number):
    rng = np.random.default_rng(number)
    time.sleep(0.15 * (2 - number if reverse else number))
    for _ in range(4):
        with lock:
            buffer.append(rng.normal(size=2))  # CAUSE


actors = [threading.Thread(target=act, args=(number,)) for number in range(3)]
for actor in actors:
    actor.start()
for actor in actors:
    actor.join()
policy(torch.as_tensor(np.stack(buffer), dtype=torch.float32))
