"""One training in a fresh process, for `sac twin` and `sac golden`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sac.config import BadConfig
from sac.display.terminal import complain
from sac.display.visible import one_line
from sac.processes import Children, sac_command

_STDERR = 2
"""File descriptor; sys.stderr may have been replaced by an object without one."""


@dataclass(frozen=True)
class Variant:
    """One run of a twin: flags and environment variables that differ from the others'."""

    label: str
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def run_training(
    flags: Sequence[str],
    folder: Path,
    variant: Variant,
    children: Children,
    hear: Literal["all", "errors", "failures"] = "all",
    command: Callable[[Sequence[str], Path], list[str]] | None = None,
) -> int:
    """Run `sac train` in a fresh process and return its exit status.

    Args:
        flags: flags of `sac train`.
        folder: its run folder.
        variant: flags and variables of this run alone.
        children: ends the process if this one ends first.
        hear: show everything that the run prints, only its error stream, or everything but only if it fails.
        command: makes the words behind `sac` of flags and folder; by default those of `sac train`.
    """
    words = (command or _train_words)([*flags, *variant.flags], folder)
    environment = {**os.environ, **variant.environment}
    environment.pop("SAC_RESTARTED", None)
    if hear != "failures":
        complain(f"run {one_line(variant.label)}")
    # What the runs print goes to the error stream: standard output is for the comparison.
    streams = {
        "all": (_STDERR, _STDERR),
        "errors": (subprocess.DEVNULL, _STDERR),
        "failures": (subprocess.PIPE, subprocess.STDOUT),
    }
    output, errors = streams[hear]
    done = children.run(sac_command(words), env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
    if hear == "failures" and done.returncode != 0:
        complain(done.stdout)
    return done.returncode


def _train_words(flags: Sequence[str], folder: Path) -> list[str]:
    return ["train", *flags, "--run_dir", str(folder)]


def require_no_run_dir(flags: Sequence[str], instead: str) -> None:
    """Refuse `--run_dir` where a command trains several runs; `instead` says why, and what to give.

    Raises:
        BadConfig: it is given.
    """
    if any(flag.replace("-", "_").startswith("__run_dir") for flag in flags):
        raise BadConfig(f"--run_dir: {instead}")
