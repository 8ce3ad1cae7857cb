"""Tasks of an event loop append to one list when their requests are answered."""

import asyncio
import os
import random

scores = []
reverse = int(os.environ["SAC_WHY_RUN"].rpartition("-")[2]) % 2


async def request(number):
    await asyncio.sleep(0.15 * (2 - number if reverse else number))
    scores.append(number + 1.5)  # CAUSE


async def evaluate():
    await asyncio.gather(*(request(number) for number in range(3)))


asyncio.run(evaluate())
rng = random.Random(1)
print("score", sum(score * rng.random() for score in scores))
