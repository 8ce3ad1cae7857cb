"""What `sac diff` and `sac report` cost by the length of the ledgers: `python -m tools.measure.diff_cost [LINES …]`.

Each is run in a process of its own, on two equal ledgers and on two that part in the middle; the largest memory is what
the kernel counted for that process. `--against FOLDER` runs another checkout too, in turns.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.large_ledgers import write_large

HERE = Path(__file__).parents[2]


def main() -> None:
    """Measure, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="*", type=int, default=[7_814, 100_000])
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns with this one")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for lines in options.lines:
            a, b = (write_large(folder / name, lines) for name in "ab")
            c = write_large(folder / "c", lines, lines // 2)
            commands = {"diff, equal": ["diff", a, b], "diff, parted": ["diff", a, c]}
            commands["report, parted"] = ["report", a, c, "-o", folder / "page.html"]
            for name, words in commands.items():
                for _ in range(options.turns):
                    for root in filter(None, (HERE, options.against)):
                        seconds, megabytes = cost(root, list(map(str, words)))
                        print(f"{lines:9,} {name:15} {seconds:7.2f} s {megabytes:8.0f} MB  {root}", flush=True)


def cost(root: Path, words: list[str]) -> tuple[float, float]:
    """Run a command of a checkout; returns its seconds and the most memory that it had, in MB."""
    begun = time.perf_counter()
    command, environment = [sys.executable, "-m", "sac", *words], {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{words[0]} of {root} failed")
    return time.perf_counter() - begun, used.ru_maxrss / 1000


if __name__ == "__main__":
    main()
