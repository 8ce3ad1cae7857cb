"""`python -m tools.stability [--runs N] [--shuffled M] -- TESTS`: tests again and again.

`./dev stability` names those of the determinism gate.

The tree stays as it is, so every failure is a false alarm. Two processes run the tests, as `./dev determinism` does;
two others keep the cores busy. In the last M runs the tests come in a drawn order. Each run's outcome is printed as it
ends; the last line is the figure for docs/gate.md.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sac.streams import Stream
from tools.mutants.tree import ROOT, environment

_PYTEST = [
    *(sys.executable, "-m", "pytest", "-p", "timeout", "-p", "hypothesispytest", "-p", "benchmark"),
    *("-p", "no:cacheprovider", "-q", "--no-header"),
]
_SIDE_BY_SIDE = ("-p", "xdist", "--numprocesses=2")
_SPIN = "while True: sum(range(10**6))"


@contextlib.contextmanager
def background_load(processes: int) -> Iterator[None]:
    """Keep so many cores busy."""
    spinning = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def collected(arguments: Sequence[str]) -> list[str]:
    """Return the names of all tests, in their own order.

    Raises:
        RuntimeError: pytest can't collect them.
    """
    command = [*_PYTEST, "--collect-only", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(ROOT), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pytest can't collect the tests:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [line for line in done.stdout.splitlines() if "::" in line]


def shuffled(names: Sequence[str], run: int) -> list[str]:
    """Return the names in an order that depends on the run's number alone."""
    keys = Stream(run, "stability.order").uniform(0, (len(names),))
    return [name for _, name in sorted(zip(keys.tolist(), names, strict=True))]


def failures(arguments: Sequence[str], distribution: str) -> list[str]:
    """Run the tests once and return those that failed.

    Args:
        arguments: pytest's, or names of tests.
        distribution: how they are handed out to the two processes: `loadfile` as in the gate, `load` in their order.
    """
    with tempfile.TemporaryDirectory(prefix="sac-stability-", ignore_cleanup_errors=True) as temporary:
        names = Path(temporary) / "tests.txt"
        names.write_text("\n".join(arguments) + "\n")
        # A file of arguments: the names of all tests are too long for a command line of some systems.
        command = [*_PYTEST, *_SIDE_BY_SIDE, f"--dist={distribution}", f"--basetemp={temporary}/tests", f"@{names}"]
        done = subprocess.run(command, cwd=ROOT, env=environment(ROOT), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE) or [f"pytest ended with {done.returncode}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no false alarm; 1: there was one."""
    parser = argparse.ArgumentParser(prog="python -m tools.stability", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="in all (default %(default)s)")
    parser.add_argument("--shuffled", type=int, default=10, help="of these in a drawn order (default %(default)s)")
    parser.add_argument("--load", type=int, default=2, help="busy processes beside (default %(default)s)")
    parser.add_argument("tests", nargs="+", help="what pytest is to run")
    options = parser.parse_args(arguments)
    names, alarms, start = collected(options.tests), 0, time.monotonic()
    with background_load(options.load):
        for run in range(1, options.runs + 1):
            drawn = run > options.runs - options.shuffled
            begun = time.monotonic()
            failed = failures(shuffled(names, run), "load") if drawn else failures(options.tests, "loadfile")
            alarms += bool(failed)
            order = "drawn order" if drawn else "own order"
            said = ", ".join(failed) or "passed"
            print(f"run {run} of {options.runs}, {order}, {time.monotonic() - begun:.0f} s: {said}", flush=True)
    print(
        f"{alarms} false alarms in {options.runs} runs of {len(names)} tests, {options.shuffled} of them in a drawn "
        f"order, beside {options.load} busy processes; {time.monotonic() - start:.0f} s"
    )
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
