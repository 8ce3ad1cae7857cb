"""Two threads draw from one generator, and which of them comes first is a race (decided here by the clock)."""

import os
import random
import threading
import time

random.seed(1)
drawn = {}


def work(name, wait):
    time.sleep(wait)
    drawn[name] = [random.random() for _ in range(3)]  # CAUSE


first = os.environ["PYTHONHASHSEED"] == "1"
threads = [threading.Thread(target=work, args=(name, 0.2 * ((name == "a") == first))) for name in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(drawn)
