"""A few objects in a set: they hash by their addresses, and mostly come in one order by luck."""

import random


class Task:
    def __init__(self, name):
        self.name = name


tasks = {Task("push"), Task("pick"), Task("stack"), Task("turn")}
random.seed(1)
scores = {}
for task in tasks:  # CAUSE
    scores[task.name] = random.random()
print("score", scores["push"], scores["turn"])
