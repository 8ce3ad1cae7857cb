"""`python -m tools.why.overhead`: what tracing a ManiSkill training costs, in CPU time, and that it changes no bit."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.why.test_corpus import ROOT
from tests.why.test_harmless import PROGRAMS, results

SCRIPT = PROGRAMS / "sac_single.py"
CASES = {
    "200 steps, 120 updates of batch 1,024": ("--steps", "200", "--learning-starts", "80", "--batch", "1024"),
    "3,000 steps, 1 update": ("--steps", "3000", "--learning-starts", "2999"),
}
TURNS = 3


def cost(command: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of a command and of what it starts, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def turn(script: list[str], folder: Path) -> tuple[float, float]:
    """Return what a script costs alone, and what each of two traced runs costs with half of the comparison."""
    alone, printed = cost(script)
    both, _ = cost([sys.executable, "-m", "sac", "why", "--keep", str(folder), "--", *script])
    assert results((folder / "run1.out").read_text()) == results(printed), "the tracer changed a result"
    return alone, both / 2


def main() -> None:
    """Print the table."""
    print("| training | alone | traced and compared | ratio |")
    print("|---|---|---|---|")
    for name, flags in CASES.items():
        script = [sys.executable, str(SCRIPT), "--env", "PushCube-v1", *flags]
        with tempfile.TemporaryDirectory() as folder:
            turns = [turn(script, Path(folder)) for _ in range(TURNS)]
        alone, traced = (sorted(costs)[TURNS // 2] for costs in zip(*turns, strict=True))
        print(f"| {name} | {alone:.1f} s | {traced:.1f} s | {traced / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
