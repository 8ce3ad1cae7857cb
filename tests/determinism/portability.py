"""One ledger on unlike CPUs: `python -m tests.determinism.portability [FLAGS OF sac train]`, or `nox -s portability`.

Trains here, and again with every instruction executed by qemu-user as another CPU model (Debian's package qemu-user),
and prints for each numerics profile whether the ledgers are equal. `portable` must be equal on all of them; the row of
`deterministic` is the negative control: it promises nothing across CPU models, and is expected to differ somewhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sac import launch
from sac.ledger import compare, read_ledger

QEMU = "qemu-x86_64"
MODELS = ("Haswell", "EPYC-Milan")
"""An Intel and an AMD CPU with AVX2 and without AVX-512, which qemu's emulation does not have."""
PROFILES = ("portable", "deterministic")
POINT = (
    "--env_id=Point-v1 --num_envs=4 --training_freq=16 --utd=0.25 --batch_size=64 --buffer_size=400 "
    "--learning_starts=16 --total_timesteps=64 --eval_freq=0"
)
QUIET = ["--threads=1", "--no-tensorboard", "--no-save_model", "--no-progress", "--no-capture_video"]


def train(flags: list[str], folder: Path, model: str | None) -> float:
    """Train in a fresh process, on this CPU or on an emulated one; returns the seconds it took."""
    command = launch.command(["train", *flags, *QUIET, "--run_dir", str(folder)])
    if model is not None:
        command = [QEMU, "-cpu", model, *command]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SystemExit(f"portability: the run on {model or 'this CPU'} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def check(profile: str, flags: list[str], root: Path) -> bool:
    """Print one profile's row for each model; returns whether all ledgers are equal."""
    flags = [*flags, f"--numerics={profile}"]
    native = root / f"{profile}-native"
    train(flags, native, None)
    equal = True
    for model in MODELS:
        folder = root / f"{profile}-{model}"
        seconds = train(flags, folder, model)
        comparison = compare(read_ledger(native), read_ledger(folder))
        equal = equal and comparison.equal
        print(f"{profile:14} {model:12} {seconds:6.0f} s  {comparison.text.splitlines()[0]}", flush=True)
    return equal


def main(arguments: list[str]) -> int:
    """0 where `portable` gave one ledger everywhere."""
    if shutil.which(QEMU) is None:
        print(f"portability: {QEMU} is not installed; on Debian or Ubuntu: apt-get install qemu-user")
        return 2
    flags = arguments or POINT.split()
    with tempfile.TemporaryDirectory(prefix="sac-portability-") as temporary:
        equal = {profile: check(profile, flags, Path(temporary)) for profile in PROFILES}
    if equal["deterministic"]:
        print("note: deterministic is equal everywhere too, so this run could not have shown a difference")
    return 0 if equal["portable"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
