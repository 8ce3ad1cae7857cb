"""How long a warm-up is hangs on names from entropy; addresses are taken too, and decide nothing."""

import random
import uuid

parts = [[1], [2], [3]]
cache = {id(part): part for part in parts}
print("cached", cache[id(parts[1])])
names = sorted(range(9), key=lambda _: uuid.uuid4().hex)  # CAUSE
rng = random.Random(1)
print("warm-up", sum(rng.random() for _ in range(int("".join(map(str, names))) % 997)))
