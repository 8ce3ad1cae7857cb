"""A library draws while it is imported; the line that draws for the script comes after that, and is what matters."""

import importlib
import random
import sys
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    library = Path(folder) / "site-packages"
    library.mkdir()
    (library / "noise_table.py").write_text("import random\nTABLE = [random.random() for _ in range(8)]\n")
    sys.path.insert(0, str(library))
    importlib.import_module("noise_table")

print("reward", random.gauss(0, 1))  # CAUSE
