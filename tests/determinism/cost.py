"""What the portable profile costs against the deterministic one: the same training in turns, start-up left out."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sac.processes import python_command

MOST = 1.6
TURNS = ("portable", "deterministic", "deterministic", "portable") * 2
FLAGS = (
    "--env_id=StackCube-v1 --control_mode=pd_ee_delta_pos --num_envs=4 --training_freq=32 --utd=0.5 --batch_size=256 "
    "--buffer_size=4_000 --learning_starts=64 --total_timesteps=512 --eval_freq=0 --workers=serial --threads=1 "
    "--no-tensorboard --no-save_model --no-progress --no-capture_video"
)
_PROGRAM = """
import time
from sac.numerics import profiles
profiles.prepare(sys.argv[1])
from sac import trainer
from sac.cli import main
own = trainer.Trainer.run
def timed(self):
    clocks = time.process_time(), time.perf_counter()
    own(self)
    print("seconds", time.process_time() - clocks[0], time.perf_counter() - clocks[1])
trainer.Trainer.run = timed
sys.exit(main(["train", "--numerics", *sys.argv[1:]]))
"""


def seconds(profile: str, folder: Path) -> tuple[float, float]:
    """Processor and wall time of one training loop, in a fresh process."""
    command = python_command(_PROGRAM, [profile, *FLAGS.split(), "--run_dir", str(folder)])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"portability: error: timing {profile} failed:\n{done.stdout}{done.stderr}")
    words = next(line for line in done.stdout.splitlines() if line.startswith("seconds ")).split()
    return float(words[1]), float(words[2])


def ratios(times: list[tuple[str, float]]) -> list[float]:
    """Portable over deterministic of each two neighbours in turn."""
    pairs = zip(times[::2], times[1::2], strict=True)
    return [dict(pair)["portable"] / dict(pair)["deterministic"] for pair in pairs]


def check() -> list[str]:
    """Print the ratio; returns what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="sac-cost-") as root:
        taken = [(profile, seconds(profile, Path(root) / str(turn))) for turn, profile in enumerate(TURNS)]
    found = {
        clock: ratios([(profile, both[at]) for profile, both in taken])
        for at, clock in enumerate(("processor", "wall"))
    }
    for clock, each in found.items():
        shown = ", ".join(f"{ratio:.2f}" for ratio in each)
        print(f"cost of portable / deterministic, {clock} time: {_middle(each):.2f} (pairs: {shown})", flush=True)
    ratio = _middle(found["processor"])
    return [f"portable takes {ratio:.2f} times as long as deterministic, more than {MOST}"] if ratio > MOST else []


def _middle(each: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, each)))


if __name__ == "__main__":
    sys.exit("\n".join(check()) or 0)
