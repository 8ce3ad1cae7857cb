"""Results are taken in the order in which workers finish. The sleeps stand in for load that differs from run to run."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import torch

torch.manual_seed(1)
policy = torch.nn.Linear(2, 2)
reverse = int(os.environ["PYTHONHASHSEED"]) % 2


def rollout(number):
    time.sleep(0.15 * (3 - number if reverse else number))
    return torch.full((2,), float(number))


with ThreadPoolExecutor(4) as pool:
    futures = [pool.submit(rollout, number) for number in range(4)]
    results = [future.result() for future in as_completed(futures)]  # CAUSE
for result in results:
    policy(result)
