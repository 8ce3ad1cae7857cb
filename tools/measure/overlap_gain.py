"""What `--overlap` gains: `python -m tools.measure.overlap_gain [--workers W] [--threads T] [--device D] …`.

Two trainers with the flags of ManiSkill's issue 1250, one with `--overlap` and one without, take turns, an iteration
each, in the order A B B A. No ledger, no evaluation. Each has worker processes of its own, which wait while the other
has its turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sac.numerics import machine, profiles
from tools.measure.trainers import make_trainer

ISSUE_1250 = {"env_id": "StackCube-v1", "num_envs": 32, "control_mode": "pd_ee_delta_pos", "buffer_size": 20_000}


def build(options: argparse.Namespace, overlap: bool, stack: ExitStack) -> Any:
    """A trainer that has begun to learn."""
    names = ("workers", "threads", "device", "utd", "batch_size")
    chosen = {name: getattr(options, name) for name in names}
    return make_trainer(stack, 5, **ISSUE_1250, **chosen, overlap=overlap, ledger_freq=0)


def turn(trainer: Any) -> float:
    """Seconds of an iteration, with all that it has begun on the device."""
    import torch

    start = time.perf_counter()
    trainer.iterate()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(options: argparse.Namespace, stack: ExitStack) -> None:
    """Take turns and print what was found."""
    default, overlapped = (build(options, overlap, stack) for overlap in (False, True))
    seconds: dict[Any, list[float]] = {default: [], overlapped: []}
    parts: dict[str, list[float]] = {"rollout_time": [], "update_time": []}
    for pair in range(options.pairs):
        for trainer in (default, overlapped) if pair % 2 else (overlapped, default):
            seconds[trainer].append(turn(trainer))
        for name, values in parts.items():
            values.append(default.logs.last[name])
    ratios = [a / b for a, b in zip(seconds[default], seconds[overlapped], strict=True)]
    low, ratio, high = statistics.quantiles(ratios)
    rates = [default.config.training_freq / statistics.median(seconds[trainer]) for trainer in (default, overlapped)]
    halves = ", ".join(f"{name} {1000 * statistics.median(values):.0f} ms" for name, values in parts.items())
    flags = {name: value for name, value in vars(options).items() if name not in ("pairs", "json")}
    print(f"{flags}, load {os.getloadavg()[0]:.1f} on {machine.usable_cores()} cores")
    print(f"  default {rates[0]:.1f} env steps/s ({halves}); overlapped {rates[1]:.1f}")
    print(f"  {ratio:.3f} times as fast, quartiles {low:.3f} to {high:.3f} ({options.pairs} pairs)")
    if options.json:
        named = {"default": seconds[default], "overlapped": seconds[overlapped]}
        options.json.write_text(json.dumps(named))


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that is a whole number, and no lower one than this."""

    def number(text: str) -> int:
        if not text.replace("_", "").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number and at least {least}, not {text!r}")
        return int(text)

    return number


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch_size", type=int, default=1024)
    parser.add_argument("--utd", type=float, default=0.5)
    # Of a single ratio there are no quartiles.
    parser.add_argument("--pairs", type=at_least(2), default=12, help="at least 2 (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the seconds of each iteration there")
    return parser


def main() -> None:
    """The command."""
    options = make_parser().parse_args()
    with ExitStack() as stack:
        measure(options, stack)


if __name__ == "__main__":
    profiles.prepare("deterministic")
    main()
