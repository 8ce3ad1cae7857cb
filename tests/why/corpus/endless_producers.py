"""Threads fill a queue for as long as the script runs, and a network learns from what comes first."""

import os
import queue
import threading
import time

import numpy as np
import torch

torch.manual_seed(1)
policy = torch.nn.Linear(2, 2)
batches = queue.Queue(maxsize=3)
reverse = int(os.environ["PYTHONHASHSEED"]) % 2


def produce(number):
    rng = np.random.default_rng(number)
    while True:
        time.sleep(0.01 * (1 + (2 - number if reverse else number)))
        batches.put(rng.normal(size=2))


for number in range(3):
    threading.Thread(target=produce, args=(number,), daemon=True).start()
for _ in range(20):
    batch = batches.get()  # CAUSE
    policy(torch.as_tensor(batch, dtype=torch.float32))
