"""One run fails where the other goes on."""

import os
import random

random.seed(1)
for step in range(100):
    if step == 50 and os.environ["PYTHONHASHSEED"] == "2":
        raise MemoryError("too little memory left by other jobs")
    random.random()  # CAUSE
