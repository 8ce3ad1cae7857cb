"""Tasks of pools of threads and of an event loop, each with a generator of its own: whoever is first, all is well."""

import asyncio
import os
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

TURN = int(os.environ.get("SAC_WHY_RUN", "1").rpartition("-")[2])


def delay(number):
    return 0.01 * ((number * 7 + 3 * TURN) % 4)


def episode(number):
    time.sleep(delay(number))
    rng = random.Random(number)
    return sum(rng.random() for _ in range(3))


def take(items, found):
    while (number := items.get()) is not None:
        found[number] = episode(number)


async def served(number):
    rng = random.Random(number)
    total = 0.0
    for _ in range(3):
        await asyncio.sleep(delay(number))
        total += rng.random()
    return total


async def serve():
    return await asyncio.gather(*(served(number) for number in range(9)))


with ThreadPoolExecutor(4) as executor:
    print("score", list(executor.map(episode, range(9))))
with ThreadPool(4) as pool:
    print("score", pool.starmap(episode, [(number,) for number in range(9)], 1), pool.map(episode, range(9), 1))
    print("score", [one.get() for one in [pool.apply_async(episode, (number,)) for number in range(9)]])
print("score", asyncio.run(serve()))
items, found = queue.Queue(), {}
threads = [threading.Thread(target=take, args=(items, found)) for _ in range(3)]
for thread in threads:
    thread.start()
for number in [*range(9), None, None, None]:
    items.put(number)
for thread in threads:
    thread.join()
print("score", [found[number] for number in range(9)])
