"""Keeps files in a folder that is called by the time, and draws from them by their paths."""

import random
import shutil
import tempfile
import time
from pathlib import Path

folder = Path(tempfile.gettempdir()) / "sac-why-clean" / time.strftime("%Y-%m-%d/%H-%M-%S")
folder.mkdir(parents=True, exist_ok=True)
for number in range(4):
    (folder / f"{time.strftime('%Y%m%dT%H%M%S')}_{number}.txt").write_text(str(number))
random.seed(1)
files = sorted(folder.glob("*_*.txt"), key=lambda path: path.stem[-1])
print(random.choice(files).read_text())
random.shuffle(files)
print([path.read_text() for path in files], random.sample([str(path) for path in files], 2)[0][-5])
shutil.rmtree(folder)
