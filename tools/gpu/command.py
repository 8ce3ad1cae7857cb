"""All that is measured and verified on a GPU, in one command: `python -m tools.gpu [--parts A,B] [--out FOLDER]`.

The parts run one after the other, each in fresh processes, and each leaves its result as a JSON file as soon as it has
ended. A later call with other parts adds to them. At the end stands a table of aims, in `summary.md` too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sac.processes import Children, ended_by_signals
from sac.run.storage import write_atomically
from tools.gpu import aims
from tools.gpu.parts import FULL, PARTS, Found, Request, failed, python, read
from tools.measure.overlap_gain import at_least

EXIT = "Exit status: 0 no aim of these parts is missed, 1 one is, 2 an error or no GPU."


def selected(text: str) -> list[str]:
    """The parts that are named, in the order in which they run."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in names]


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu", description=__doc__, epilog=EXIT)
    parser.add_argument(
        "--parts", type=selected, default=list(PARTS), metavar="A,B", help=f"some of {', '.join(PARTS)}; default all"
    )
    parser.add_argument("--out", type=Path, default=Path("test-runs/gpu"), help="folder of results (%(default)s)")
    parser.add_argument(
        "--total_timesteps",
        type=at_least(1),
        default=FULL,
        help="env steps of the issue_1250 runs; other than %(default)s is a trial, which meets no aim",
    )
    parser.add_argument("--rounds", type=at_least(2), help="rounds of updates, and pairs of overlap")
    return parser


def ask_machine(children: Children) -> dict[str, Any]:
    """What `tools.gpu.machine` tells of this machine."""
    done = python(children, "-m", "tools.gpu.machine", stdout=subprocess.PIPE)
    if done.returncode != 0:
        return {"trouble": f"the machine can't be asked, status {done.returncode}"}
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def attempt(name: str, request: Request, children: Children) -> Found:
    """Run a part; one that breaks is an error in the table, and the others still have their turn."""
    try:
        return PARTS[name](request, children)
    except Exception as error:
        traceback.print_exc()
        return failed(f"{type(error).__name__}: {error}")


def run_parts(parts: Sequence[str], request: Request, facts: dict[str, Any], children: Children) -> int:
    """Run these parts; each one's result, and the summary so far, are on the disk before the next begins."""
    records = {}
    for name in parts:
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        found = attempt(name, request, children)
        found["seconds"] = round(time.perf_counter() - start, 1)
        found |= {"ended": time.strftime("%Y-%m-%d %H:%M"), "machine": facts}
        write_atomically(request.out / f"{name}.json", (json.dumps(found, indent=1) + "\n").encode())
        records = {part: left for part in PARTS if (left := read(request.out, part)) is not None}
        write_atomically(request.out / "summary.md", aims.summary(records).encode())
        for row in aims.rows(records):
            if row.aim.part == name:
                print(f"{row.verdict.value}: {row.aim.text}: {row.measured}", flush=True)
    return aims.exit_status(aims.rows(records), list(parts))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the status is that of `EXIT`, or 130 where it was interrupted."""
    options = make_parser().parse_args(arguments)
    try:
        return command(options)
    except KeyboardInterrupt:
        print(f"tools.gpu: interrupted; the parts that had ended are in {options.out}", file=sys.stderr)
        return 130


def command(options: argparse.Namespace) -> int:
    """Run the parts, unless there is no GPU, and print the summary."""
    with ended_by_signals(), Children() as children:
        told = ask_machine(children)
        if told["trouble"]:
            print(
                f"tools.gpu: no CUDA device, so nothing was run: {told['trouble']}. "
                "See what this machine can do: python -m sac doctor",
                file=sys.stderr,
            )
            return 2
        request = Request(options.out.resolve(), total_timesteps=options.total_timesteps, rounds=options.rounds)
        request.out.mkdir(parents=True, exist_ok=True)
        status = run_parts(options.parts, request, told["facts"], children)
    print(f"\n{(request.out / 'summary.md').read_text()}\nresults: {request.out}")
    return status
