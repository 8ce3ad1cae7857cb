"""A thread draws batches ahead, from the generator that dropout draws from too."""

import os
import queue
import threading
import time

import torch

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5))
batches = queue.Queue(maxsize=2)
late = int(os.environ["PYTHONHASHSEED"]) % 2


def prefetch():
    while True:
        batches.put(torch.randn(4))  # CAUSE
        time.sleep(0.2 * late)


threading.Thread(target=prefetch, daemon=True).start()
for _ in range(6):
    batch = batches.get()
    time.sleep(0.1)
    net(batch)
