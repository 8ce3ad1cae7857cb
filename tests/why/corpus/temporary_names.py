"""Episodes are written into temporary files, and read back in the order of their names."""

import os
import random
import tempfile

rng = random.Random(1)
with tempfile.TemporaryDirectory() as folder:
    for episode in range(9):
        handle, path = tempfile.mkstemp(dir=folder)  # CAUSE
        with os.fdopen(handle, "w") as file:
            file.write(str(episode))
    order = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            order.append(int(file.read()))
print("score", sum(episode * rng.random() for episode in order))
