"""Tasks of asyncio are awaited as they are ready."""

import asyncio
import random


def simulate(number):
    total = 0
    for _ in range(200000):
        total += number
    return total / 200000 + 0.1


async def collect():
    random.seed(1)
    value = random.random()
    tasks = [asyncio.create_task(asyncio.to_thread(simulate, number)) for number in range(8)]
    for task in asyncio.as_completed(tasks):  # CAUSE
        value = 0.9 * value + await task
    return value


print("value", asyncio.run(collect()))
