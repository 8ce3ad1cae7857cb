"""One ledger on unlike CPUs: `nox -s portability`, or `python -m tools.portability [FLAGS OF sac train]`.

First single functions, then whole trainings: the goldens' own, and two shorter ones, here and again on every machine of
the table in `machines`; prints where they part. `portable` must give one ledger everywhere. Two negative controls:
`deterministic` on an emulated CPU promises nothing across CPU models; and the goldens in contact must part from
themselves where the simulator keeps its approximate reciprocals. Last the cost of `portable`, as a ratio of runs in
turns. Rows that this machine can't run say why; with `--strict` they fail. Exit status: 0, 1 where ledgers part or the
cost is too high, 2 bad input.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from sac.commands.golden import GOLDENS, PARTING, PHYSICS
from sac.kernels.machine_code import cache_folder, object_code
from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger
from sac.processes import sac_command
from tools.portability import cost, functions_apart
from tools.portability.machines import NATIVE, Machine, machines

SHORT = {
    "Point-v1": "--env_id=Point-v1 --num_envs=4 --training_freq=16 --utd=0.25 --batch_size=64 --buffer_size=400 "
    "--learning_starts=16 --total_timesteps=64 --eval_freq=0",
    "StackCube-v1": "--env_id=StackCube-v1 --control_mode=pd_ee_delta_pos --num_envs=2 --training_freq=16 --utd=0.25 "
    "--batch_size=64 --buffer_size=400 --learning_starts=16 --total_timesteps=96 --eval_freq=0 --workers=serial",
}
QUIET = ["--threads=1", "--no-tensorboard", "--no-save_model", "--no-progress", "--no-capture_video"]
TASKS = {**SHORT, **GOLDENS}
EMULATED_LEVEL = "x86-64-v3"
"""The kernels that qemu's models take."""
CONTROL = "qemu Haswell"
"""The machine of the negative control."""
UNPATCHED = "tools.portability.unpatched"
"""The launcher of the other: it leaves the simulator's approximate reciprocals in place."""
STEPS = ("functions", "ledgers", "control", "reciprocals", "cost")


class Failed(RuntimeError):
    """A run ended with an error, or there was none; the message says more."""


def run(command: Sequence[str], machine: Machine) -> float:
    """Run on a machine, in a fresh process; returns the seconds it took."""
    environment = {**os.environ, **machine.environment}
    environment.pop("SAC_RESTARTED", None)
    start = time.perf_counter()
    done = subprocess.run(
        [*machine.prefix, *command],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"the run on {machine.name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def train(flags: Sequence[str], profile: str, folder: Path, machine: Machine) -> float:
    """Train once; returns the seconds it took."""
    return run(sac_command(words(flags, profile, folder)), machine)


def words(flags: Sequence[str], profile: str, folder: Path) -> list[str]:
    """The command line of one training, after `sac`."""
    return ["train", *flags, *QUIET, f"--numerics={profile}", "--run_dir", str(folder)]


def unpatched(tasks: dict[str, str], root: Path) -> list[str]:
    """Print where each golden in contact parts from itself without exact reciprocals; returns those that don't."""
    equal = []
    for name in sorted(PARTING & tasks.keys()):
        exact, own = root / f"exact-{name}", root / f"own-{name}"
        # In one process: a worker is a fresh interpreter, which the launcher does not reach.
        flags = [*tasks[name].split(), "--workers=serial"]
        train(flags, "portable", exact, NATIVE)
        run([sys.executable, "-m", UNPATCHED, *words(flags, "portable", own)], NATIVE)
        comparison = compare(read_ledger(exact), read_ledger(own))
        row("unpatched", name, NATIVE.name, comparison.text.splitlines()[0])
        equal += [name] if comparison.equal else []
    return equal


def row(*cells: str) -> None:
    """Print one line of the matrix."""
    print(f"{cells[0]:13} {cells[1]:21} {cells[2]:31} {' '.join(cells[3:])}", flush=True)


def ledgers(profile: str, task: str, flags: Sequence[str], table: Sequence[Machine], root: Path) -> list[str]:
    """Print one row for each machine; returns the names of those whose ledger is another one."""
    native = root / f"{profile}-{task}-native"
    seconds = train(flags, profile, native, NATIVE)
    row(profile, task, NATIVE.name, f"{seconds:5.0f} s  the ledger that the others are held against")
    apart = []
    for machine in table:
        if machine.slow and task in GOLDENS and task not in PHYSICS:
            row(profile, task, machine.name, "not run: hours of updates there; its short form is")
            continue
        if machine.missing:
            row(profile, task, machine.name, "not run:", machine.missing)
            continue
        folder = root / f"{profile}-{task}-{machine.name}".replace(" ", "_")
        seconds = train(flags, profile, folder, machine)
        comparison = compare(read_ledger(native), read_ledger(folder))
        text = comparison.text.splitlines()
        row(profile, task, machine.name, f"{seconds:5.0f} s  {text[0]}")
        if not comparison.equal:
            print("\n".join(f"    {line}" for line in text[1:]), flush=True)
            apart.append(machine.name)
    return apart


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and the flags that are left for `sac train`."""
    parser = argparse.ArgumentParser(prog="portability", description="One ledger on unlike CPUs.")
    parser.add_argument("--only", metavar="WORD", action="append", help="rows whose name holds this word; repeatable")
    parser.add_argument("--steps", default=",".join(STEPS), help="comma-separated (default %(default)s)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="comma-separated (default %(default)s)")
    parser.add_argument("--strict", action="store_true", help="fail where a row can't be run")
    options, flags = parser.parse_known_args(list(arguments))
    unknown = [step for step in options.steps.split(",") if step not in STEPS]
    if unknown:
        parser.error(f"--steps {unknown[0]!r}: there are {', '.join(STEPS)}")
    unknown = [task for task in options.tasks.split(",") if task not in TASKS]
    if unknown:
        parser.error(f"--tasks {unknown[0]!r}: there are {', '.join(TASKS)}")
    return options, flags


def chosen(table: Sequence[Machine], words: Sequence[str] | None) -> list[Machine]:
    """The rows that are asked for."""
    found = [machine for machine in table if words is None or any(word in machine.name for word in words)]
    if not found:
        names = ", ".join(machine.name for machine in table)
        raise SystemExit(f"portability: error: --only {', '.join(words or ())}: no row is called so; there are {names}")
    return found


def compile_for_emulation() -> None:
    """Compile the learner's kernels for AVX2 here, for the cache: an emulated CPU would take minutes over it.

    The code is the same wherever it is compiled: LLVM is told the instruction set, and nothing of the CPU at hand.
    """
    object_code(EMULATED_LEVEL, cache_folder(), print)


def check(options: argparse.Namespace, flags: list[str], root: Path) -> int:
    """All that was asked for; returns the exit status."""
    table, steps, wrong = machines(root), options.steps.split(","), []
    rows = chosen(table, options.only)
    tasks = {"given": shlex.join(flags)} if flags else {name: TASKS[name] for name in options.tasks.split(",")}
    if any(machine.slow and not machine.missing for machine in rows):
        compile_for_emulation()
    if "functions" in steps:
        wrong += functions_apart.check([machine for machine in rows if not machine.missing], root)
    for name, text in tasks.items() if "ledgers" in steps else ():
        wrong += [f"{name} on {machine}" for machine in ledgers("portable", name, text.split(), rows, root)]
    control = [machine for machine in rows if machine.name == CONTROL and not machine.missing and not flags]
    if "control" in steps and control:
        parted = ledgers("deterministic", "Point-v1", SHORT["Point-v1"].split(), control, root)
        if not parted:
            print("note: deterministic is equal there too, so these rows could not have shown a difference")
    if "reciprocals" in steps and not flags:
        wrong += [f"{name} without exact reciprocals is equal" for name in unpatched(tasks, root)]
    if "cost" in steps:
        wrong += cost.check()
    if options.strict:
        wrong += [f"{machine.name} not run" for machine in rows if machine.missing]
    not_run = sum(bool(machine.missing) for machine in rows)
    if not_run == len(rows) and {"functions", "ledgers"} & set(steps):
        raise Failed("nothing was compared: no row that was asked for can be run here")
    held = "portability holds" if not wrong else f"portability FAILS: {'; '.join(wrong)}"
    print(f"{held} ({len(rows) - not_run} machines, {not_run} not run)")
    return 1 if wrong else 0


class Told(io.TextIOBase):
    """Standard output that also keeps what was written."""

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.text: list[str] = []

    def write(self, text: str) -> int:
        """Pass on and keep."""
        self.text.append(text)
        return self.output.write(text)

    def flush(self) -> None:
        """Pass on."""
        self.output.flush()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status; in a GitHub job the matrix stands in its summary too."""
    options, flags = parse(arguments)
    told = Told(sys.stdout)
    with contextlib.redirect_stdout(told):
        status = guarded(options, flags)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(f"### One ledger on many CPU models\n\n```text\n{''.join(told.text)}```\n")
    return status


def guarded(options: argparse.Namespace, flags: list[str]) -> int:
    """Run, and turn what a user can mend into a message and status 2."""
    with tempfile.TemporaryDirectory(prefix="sac-portability-") as temporary:
        try:
            return check(options, flags, Path(temporary))
        except Failed as failed:
            print(f"portability: error: {failed}", file=sys.stderr)
        except SystemExit as stop:
            print(stop.code, file=sys.stderr)
    return 2
