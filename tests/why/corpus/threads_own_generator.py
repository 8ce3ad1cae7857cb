"""Threads draw from one generator of the script's own."""

import threading

import numpy as np


class Collector(threading.Thread):
    def __init__(self, number, rng, steps):
        super().__init__(name=f"collector-{number}")
        self.number, self.rng, self.steps = number, rng, steps
        self.total = 0.0

    def run(self):
        position = 0.0
        for _ in range(self.steps):
            position = 0.9 * position + self.rng.normal()  # CAUSE
            self.total += abs(position)


def main():
    rng = np.random.default_rng(3)
    collectors = [Collector(number, rng, 400) for number in range(4)]
    for one in collectors:
        one.start()
    for one in collectors:
        one.join()
    print("returns", [one.total for one in collectors])


main()
