"""`python -m tools.why.overhead [WORD]`: what tracing costs, in CPU time, and that it changes no bit.

With a word, only the programs whose name has it are measured.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.why.test_corpus import ROOT
from tests.why.test_harmless import PROGRAMS, results

SAC = ("sac_single.py", "--env", "PushCube-v1")
CASES = {
    "SAC: 200 steps, 120 updates of batch 1,024": (
        *SAC,
        "--steps",
        "200",
        "--learning-starts",
        "80",
        "--batch",
        "1024",
    ),
    "SAC: 3,000 steps, 1 update": (*SAC, "--steps", "3000", "--learning-starts", "2999"),
    "CartPole: 20,000 steps": ("cartpole_steps.py", "20000"),
    "random: 500,000 draws": ("many_draws.py", "500000"),
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
    both, _ = cost([sys.executable, "-m", "sac", "why", "--runs", "2", "--keep", str(folder), "--", *script])
    assert results((folder / "run1.out").read_text()) == results(printed), "the tracer changed a result"
    return alone, both / 2


def main() -> None:
    """Print the table."""
    print("| training | alone | traced and compared | ratio |")
    print("|---|---|---|---|")
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, (program, *flags) in CASES.items():
        if wanted not in name:
            continue
        script = [sys.executable, str(PROGRAMS / program), *flags]
        with tempfile.TemporaryDirectory() as folder:
            turns = [turn(script, Path(folder)) for _ in range(TURNS)]
        alone, traced = (sorted(costs)[TURNS // 2] for costs in zip(*turns, strict=True))
        print(f"| {name} | {alone:.1f} s | {traced:.1f} s | {traced / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
