"""Training goes on with whichever rollout is done first."""

import concurrent.futures
import os
import time

import numpy as np

reverse = int(os.environ["SAC_WHY_RUN"].rpartition("-")[2]) % 2


def roll_out(number):
    time.sleep(0.15 * (2 - number if reverse else number))
    return number + 1


with concurrent.futures.ThreadPoolExecutor(3) as executor:
    rollouts = [executor.submit(roll_out, number) for number in range(3)]
    done, _ = concurrent.futures.wait(rollouts, return_when=concurrent.futures.FIRST_COMPLETED)  # CAUSE
    print("first", np.random.default_rng(min(one.result() for one in done)).normal())
