"""What the portable profile costs against the deterministic one: the same training by either, in turns.

Three parts, in processor time: starting (imports, scenes and the fingerprint), an env step, an update. And the exact
reciprocals alone, switched on and off in one process, on a task that is in contact all the time.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sac.processes import python_command

MOST = 1.6
"""Times as long as `deterministic` that an env step or an update may take."""
TURNS = ("portable", "deterministic", "deterministic", "portable") * 2
FLAGS = (
    "--env_id=StackCube-v1 --control_mode=pd_ee_delta_pos --num_envs=4 --training_freq=32 --utd=0.5 --batch_size=256 "
    "--buffer_size=4_000 --learning_starts=64 --total_timesteps=512 --eval_freq=0 --workers=serial --threads=1 "
    "--no-tensorboard --no-save_model --no-progress --no-capture_video"
)
_PROGRAM = """
import json, time
from sac.numerics import profiles
profiles.prepare(sys.argv[1])
from sac import trainer
from sac.cli import main
from sac.envs.serial import SerialVectorEnv
from sac.learner.sac import Learner

spent = {"start": 0.0, "env step": 0.0, "update": 0.0}

def timed(owner, name, part):
    own = getattr(owner, name)
    def call(*arguments):
        before = time.process_time()
        try:
            return own(*arguments)
        finally:
            spent[part] += time.process_time() - before
    setattr(owner, name, call)

def begun(self):
    spent["start"] = time.process_time()
    run(self)

run, trainer.Trainer.run = trainer.Trainer.run, begun
timed(SerialVectorEnv, "step", "env step")
timed(Learner, "update", "update")
status = main(["train", "--numerics", *sys.argv[1:]])
print("spent", json.dumps(spent))
sys.exit(status)
"""

_SWITCHED = """
import statistics, time
from sac.numerics import profiles
profiles.prepare("portable")
profiles.apply("portable", 1)
import numpy as np
from sac.envs.maniskill.env import ManiSkillEnv
from sac.native import exact_reciprocals

env = ManiSkillEnv("StackCubeInContact-v1", control_mode="pd_ee_delta_pos")
actions = np.random.default_rng(1).uniform(-1, 1, (50, 4)).astype(np.float32)

def episode(exact):
    exact_reciprocals.install(exact)
    env.reset(1, 1)
    before = time.process_time()
    for action in actions:
        env.step(action)
    return time.process_time() - before

episode(True)
turns = [True, False, False, True] * 20
times = [episode(exact) for exact in turns]
pairs = [dict(zip(turns[k : k + 2], times[k : k + 2])) for k in range(0, len(turns), 2)]
each = sorted(pair[True] / pair[False] for pair in pairs)
quarters = statistics.quantiles(each, n=4)
half = f"half of {len(each)} pairs: {quarters[0]:.3f} to {quarters[2]:.3f}"
print(f"exact reciprocals on / off, env step in contact: {quarters[1]:.3f} ({half})")
"""


def seconds(profile: str, folder: Path) -> dict[str, float]:
    """Processor time of each part of one training, in a fresh process."""
    said = _python(_PROGRAM, [profile, *FLAGS.split(), "--run_dir", str(folder)])
    line = next(line for line in said.splitlines() if line.startswith("spent "))
    return {name: float(value) for name, value in json.loads(line.removeprefix("spent ")).items()}


def _python(program: str, arguments: list[str]) -> str:
    """What a program of this package prints, in a fresh process."""
    done = subprocess.run(python_command(program, arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"portability: error: timing failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def ratios(times: Sequence[tuple[str, float]]) -> list[float]:
    """Portable over deterministic of each two neighbours in turn."""
    pairs = zip(times[::2], times[1::2], strict=True)
    return [dict(pair)["portable"] / dict(pair)["deterministic"] for pair in pairs]


def check() -> list[str]:
    """Print the ratios; returns what is wrong with them."""
    with tempfile.TemporaryDirectory(prefix="sac-cost-") as root:
        taken = [(profile, seconds(profile, Path(root) / str(turn))) for turn, profile in enumerate(TURNS)]
    wrong = []
    for part in taken[0][1]:
        each = ratios([(profile, parts[part]) for profile, parts in taken])
        middle = math.exp(statistics.fmean(map(math.log, each)))
        shown = ", ".join(f"{ratio:.2f}" for ratio in each)
        print(f"cost of portable / deterministic, {part}: {middle:.2f} (pairs: {shown})", flush=True)
        if part != "start" and middle > MOST:
            wrong.append(f"an {part} takes {middle:.2f} times as long under portable, more than {MOST}")
    print(_python(_SWITCHED, []).strip(), flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit("\n".join(check()) or 0)
