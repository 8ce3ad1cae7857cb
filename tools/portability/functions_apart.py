"""Which functions round otherwise on another CPU: the answer in a minute, where a training takes many."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.portability.machines import NATIVE, Machine
from tools.portability.operations import KNOWN


def ulp_apart(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """How many elements differ in their bits, and the largest distance in units of the last place."""
    bits = np.dtype(f"i{a.dtype.itemsize}")
    left, right = (np.atleast_1d(x).view(bits).ravel() for x in (a, b))
    unlike = left != right
    pairs = zip(_ordered(left[unlike]), _ordered(right[unlike]), strict=True)
    return int(unlike.sum()), max((abs(int(x) - int(y)) for x, y in pairs), default=0)


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of the floats that they are the bits of."""
    return np.where(bits < 0, np.iinfo(bits.dtype).min - bits, bits)


def differing(native: Path, other: Path) -> dict[str, str]:
    """Name of a function -> in how many results, and by how much."""
    found = {}
    with np.load(native) as a, np.load(other) as b:
        for name in a.files:
            if a[name].tobytes() != b[name].tobytes():
                count, ulp = ulp_apart(a[name], b[name])
                found[name] = f"{count} of {a[name].size} results, {ulp} ULP at most"
    return found


def compute(machine: Machine, file: Path) -> None:
    """Compute the table on a machine."""
    command = [*machine.prefix, sys.executable, "-m", "tools.portability.operations", str(file)]
    here = Path(__file__).parents[2]
    environment = {**os.environ, **machine.environment, "PYTHONPATH": str(here)}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"portability: error: the functions on {machine.name}:\n{done.stdout}{done.stderr}")


def check(table: Sequence[Machine], root: Path) -> list[str]:
    """Print what differs on each machine; returns what should not have."""
    native, wrong = root / "functions.npz", []
    compute(NATIVE, native)
    with np.load(native) as file:
        number = len(file.files)
    for machine in table:
        other = root / f"functions-{machine.name.replace(' ', '_')}.npz"
        compute(machine, other)
        found = differing(native, other)
        known = [name for name in found if name in KNOWN]
        print(f"{'portable':13} {'functions':14} {machine.name:31} {number - len(found)} of {number} equal", flush=True)
        for name, text in found.items():
            print(f"    {name}: {text}{' (known: ' + KNOWN[name] + ')' if name in known else ''}", flush=True)
        wrong += [f"{name} on {machine.name}" for name in found if name not in KNOWN]
    return wrong
