"""Starts itself again with a fixed hash key, as careful scripts do, and leaves by `os._exit`."""

import os
import random
import sys

if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, *sys.argv])
random.seed(1)
print(list({"hip", "knee", "ankle"}), random.random(), flush=True)
os._exit(0)
