"""`sac twin`: the same training in fresh processes, and the comparison of their ledgers."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sac import launch
from sac.cli import parse_train
from sac.config import BadConfig, check
from sac.ledger import coverage_difference, read_ledger
from sac.numerics import PROFILES

_STDERR = 2
"""File descriptor; sys.stderr may have been replaced by an object without one."""


@dataclass(frozen=True)
class Variant:
    """One run of a twin: flags and environment variables that differ from the others'."""

    label: str
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def twin_command(arguments: Sequence[str]) -> int:
    """`sac twin [options] [flags of sac train]`; 0 equal, 1 diverged, 2 a run failed or a flag is bad."""
    options, flags = _parser().parse_known_args(list(arguments))
    config = parse_train(flags, prog="sac twin")
    check(config)
    if any(flag.replace("-", "_").startswith("__run_dir") for flag in flags):
        raise BadConfig("--run_dir: a twin has several run folders; keep them with --keep FOLDER")
    if config.ledger_freq == 0 or config.evaluate:
        raise BadConfig("--ledger_freq 0 and --evaluate leave no ledger, so a twin has nothing to compare")
    if options.jobs < 1:
        raise BadConfig(f"--jobs {options.jobs}: must be at least 1")
    variants = _variants(options.vary, options.runs)
    with tempfile.TemporaryDirectory(prefix="sac-twin-") as temporary:
        root = Path(options.keep or temporary)
        folders = [root / f"run-{number}" for number in range(len(variants))]
        with ThreadPoolExecutor(max_workers=options.jobs) as pool:
            codes = list(pool.map(lambda pair: run_training(flags, *pair), zip(folders, variants, strict=True)))
        for variant, code in zip(variants, codes, strict=True):
            if code != 0:
                print(f"sac twin: the run {variant.label} failed with status {code}", file=sys.stderr)
                return 2
        return _compare_all(folders, variants)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sac twin", description="All flags that are not named here go to `sac train`.", allow_abbrev=False
    )
    parser.add_argument("--runs", type=int, default=2, help="number of runs where nothing is varied")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--keep", help="folder that keeps the run folders")
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="a flag of sac train, or an environment variable in capitals, and its value in each run",
    )
    return parser


def _variants(vary: Sequence[str], runs: int) -> list[Variant]:
    if runs < 2:
        raise BadConfig(f"--runs {runs}: a twin needs at least 2 runs")
    choices: list[tuple[str, list[str]]] = []
    for item in vary:
        name, separator, values = item.partition("=")
        if not separator or not name or len(values.split(",")) < 2:
            raise BadConfig(f"--vary {item}: must be NAME=A,B: a name and at least two values")
        _check_varied(name)
        choices.append((name, values.split(",")))
    if len({len(values) for _, values in choices}) > 1:
        raise BadConfig("--vary: every NAME must have the same number of values, one for each run")
    if not choices:
        return [Variant(f"{number + 1} of {runs}") for number in range(runs)]
    rows = zip(*(values for _, values in choices), strict=True)
    return [_variant(dict(zip((name for name, _ in choices), row, strict=True))) for row in rows]


def _check_varied(name: str) -> None:
    """Refuse to vary what would not reach the runs, or what would leave nothing to compare."""
    if name in ("run_dir", "exp_name", "ledger_freq", "evaluate"):
        raise BadConfig(f"--vary {name}: the runs' folders and ledgers are the twin's own")
    owners = [profile for profile, settings in PROFILES.items() if name in settings.environment]
    if owners:
        raise BadConfig(f"--vary {name}: --numerics {' and '.join(owners)} set this variable themselves")


def _variant(values: dict[str, str]) -> Variant:
    environment = {name: value for name, value in values.items() if name.isupper()}
    flags = tuple(f"--{name}={value}" for name, value in values.items() if not name.isupper())
    return Variant(" ".join(f"{name}={value}" for name, value in values.items()), flags, environment)


def run_training(flags: Sequence[str], folder: Path, variant: Variant, quiet: bool = False) -> int:
    """Run `sac train` in a fresh process and return its exit status; a quiet run is heard only if it fails."""
    command = launch.command(["train", *flags, *variant.flags, "--run_dir", str(folder)])
    environment = {**os.environ, **variant.environment}
    environment.pop("SAC_RESTARTED", None)
    if not quiet:
        print(f"run {variant.label}", file=sys.stderr)
    # What the runs say goes to the error stream: standard output is for the comparison.
    output, errors = (subprocess.PIPE, subprocess.STDOUT) if quiet else (_STDERR, _STDERR)
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, text=True, check=False
    )
    if quiet and done.returncode != 0:
        print(done.stdout, file=sys.stderr)
    return done.returncode


def _compare_all(folders: Sequence[Path], variants: Sequence[Variant]) -> int:
    from sac.diff import diff_command

    worst = 0
    for folder, variant in zip(folders[1:], variants[1:], strict=True):
        print(f"{variants[0].label} against {variant.label}:")
        status = diff_command(str(folders[0]), str(folder), False)
        if status == 0 and variant.flags == variants[0].flags:
            status = _compare_coverage(folders[0], folder)
        worst = max(worst, status)
    return worst


def _compare_coverage(a: Path, b: Path) -> int:
    """1 where runs of the same flags did not witness the same: `sac diff` lets runs of unlike length pass."""
    difference = coverage_difference(read_ledger(a), read_ledger(b))
    if difference:
        print(f"diverged: {difference}")
    return int(difference is not None)
