"""A seed is what another program prints."""

import random
import subprocess

said = subprocess.run(["date", "+%N"], capture_output=True, text=True, check=True).stdout  # CAUSE
seed = int(said)
random.seed(seed)
print(random.random())
