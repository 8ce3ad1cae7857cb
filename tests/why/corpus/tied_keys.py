"""A set is sorted by a key that ties: the names of one length keep the set's order."""

import random

random.seed(1)
order = sorted({"aa", "bb", "cc", "dd", "ee", "ff"}, key=len)  # CAUSE
print(random.random(), order)
