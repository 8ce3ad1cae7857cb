"""`sac twin`: trains several times in fresh processes and compares the ledgers."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sac.commands.diff import diff_command
from sac.commands.exit_status import BAD_INPUT, DIVERGED, OK
from sac.commands.train import parse_train
from sac.commands.training_process import Variant, require_no_run_dir, run_training
from sac.config import BadConfig, TrainConfig, check, flag_word
from sac.display import shell
from sac.display.terminal import refuse, say
from sac.display.visible import one_line
from sac.ledger.comparison import coverage_difference
from sac.ledger.coverage import REQUIRED
from sac.ledger.file import open_ledger
from sac.numerics.profiles import PROFILES
from sac.processes import Children, ended_by_signals

_PATIENCE = 60.0
"""Seconds in which an interrupted run may reach its next checkpoint, if its folder is kept."""


def twin_command(arguments: Sequence[str]) -> int:
    """Run `sac twin`: return 0 if the runs are equal, 1 if they diverged, 2 if a run failed.

    Raises:
        BadConfig: a flag's value can't be used.
    """
    options, flags = twin_parser().parse_known_args(list(arguments))
    require_no_run_dir(flags, "a twin has several run folders; keep them with --keep FOLDER")
    if options.jobs < 1:
        raise BadConfig(f"--jobs {options.jobs}: must be at least 1")
    variants = _variants(options.vary, options.runs)
    # Check all of them now: otherwise the second run would be refused hours later.
    configs = [_checked([*flags, *variant.flags]) for variant in variants]
    patience = _PATIENCE if options.keep else 0.0
    if not options.keep and all(config.checkpoint_freq == TrainConfig.checkpoint_freq for config in configs):
        # Nobody can resume from a folder that is deleted.
        flags = [*flags, "--checkpoint_freq=0"]
    with ended_by_signals(), _root(options.keep) as root:
        folders = [root.path / f"run-{number}" for number in range(len(variants))]
        failure = _train_all(flags, folders, variants, options.jobs, patience)
        if failure:
            refuse("sac twin", failure)
            return BAD_INPUT
        status = _compare_all(folders, variants, options.require)
        root.is_evidence = status == DIVERGED
        return status


def _checked(flags: Sequence[str]) -> TrainConfig:
    """Return the configuration of one run.

    Raises:
        BadConfig: it can't work, or leaves nothing to compare.
    """
    config = parse_train(flags, prog="sac twin")
    check(config)
    if config.ledger_freq == 0 or config.evaluate:
        raise BadConfig("--ledger_freq 0 and --evaluate leave no ledger, so a twin has nothing to compare")
    return config


@dataclass
class _Root:
    """The folder of the run folders; `is_evidence` once its runs differ."""

    path: Path
    is_evidence: bool = False


@contextmanager
def _root(keep: str | None) -> Iterator[_Root]:
    """Yield the folder to keep, or one that is deleted afterwards unless it is evidence."""
    if keep is not None:
        yield _Root(Path(keep))
        return
    root = _Root(Path(tempfile.mkdtemp(prefix="sac-twin-")))
    try:
        yield root
    finally:
        if root.is_evidence:
            command = shell.join(["sac", "report", root.path])
            say(f"the runs differ, so their folders are kept in {one_line(str(root.path))} (`{command}` shows them)")
        else:
            shutil.rmtree(root.path, ignore_errors=True)


def _train_all(
    flags: Sequence[str], folders: Sequence[Path], variants: Sequence[Variant], jobs: int, patience: float
) -> str:
    """Train all variants, `jobs` at a time; the first failure ends the others, and is returned in words."""
    failures: list[str] = []
    with ThreadPoolExecutor(jobs) as pool, Children(patience) as children:

        def run(folder: Path, variant: Variant) -> None:
            # A folder that is deleted is not worth naming.
            code = run_training(flags, folder, variant, children, hear="all" if patience else "errors")
            if code != 0:
                failures.append(f"the run {variant.label} failed with status {code}")
                children.stop()

        list(pool.map(run, folders, variants))
    return failures[0] if failures else ""


def twin_parser() -> argparse.ArgumentParser:
    """Return the parser of the twin's own flags."""
    parser = argparse.ArgumentParser(
        prog="sac twin",
        description="Train several times with the same flags, each time in a fresh process, and compare the ledgers. "
        "All other flags go to `sac train`. Run folders are deleted unless the runs differ or --keep names a folder.",
        epilog="Exit status: 0 equal, 1 diverged, 2 a run failed or a flag is bad, 70 an error that nobody foresaw.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--runs", type=int, default=2, help="number of runs, if nothing is varied (default %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (default %(default)s)")
    keep = "keep the run folders here, with their checkpoints"
    parser.add_argument("--keep", type=os.path.expanduser, help=keep)
    require = "fail with status 2 unless this was compared; can be given several times"
    parser.add_argument("--require", choices=[*REQUIRED], action="append", default=[], help=require)
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="a flag of `sac train` or an environment variable (in capitals), and its value in each run",
    )
    return parser


def _variants(vary: Sequence[str], runs: int) -> list[Variant]:
    if runs < 2:
        raise BadConfig(f"--runs {runs}: a twin needs at least 2 runs")
    choices: list[tuple[str, list[str]]] = []
    for item in vary:
        name, separator, values = item.partition("=")
        name = name.replace("-", "_")
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
    """Refuse to vary what would not reach the runs, or would leave nothing to compare."""
    if name in ("run_dir", "exp_name", "ledger_freq", "evaluate"):
        raise BadConfig(f"--vary {name}: the runs' folders and ledgers are the twin's own")
    if not name.isupper() and name not in TrainConfig().to_dict():
        raise BadConfig(f"--vary {name}: neither a flag of `sac train` nor an environment variable in capitals")
    owners = [profile for profile, settings in PROFILES.items() if name in settings.environment]
    if owners:
        raise BadConfig(f"--vary {name}: --numerics {' and '.join(owners)} set this variable themselves")


def _variant(values: dict[str, str]) -> Variant:
    environment = {name: value for name, value in values.items() if name.isupper()}
    flags = tuple(_flag(name, value) for name, value in values.items() if not name.isupper())
    return Variant(" ".join(f"{name}={value}" for name, value in values.items()), flags, environment)


def _flag(name: str, value: str) -> str:
    """Return one flag of `sac train`; switches have no value there."""
    if not isinstance(getattr(TrainConfig, name), bool):
        return flag_word(name, value)
    if value not in ("True", "False"):
        raise BadConfig(f"--vary {name}={value}: a switch, must be True or False")
    return flag_word(name, value == "True")


def _compare_all(folders: Sequence[Path], variants: Sequence[Variant], required: Sequence[str]) -> int:
    worst = OK
    for folder, variant in zip(folders[1:], variants[1:], strict=True):
        say(f"{one_line(variants[0].label)} against {one_line(variant.label)}:")
        status = diff_command(str(folders[0]), str(folder), False, required)
        if status == OK and variant.flags == variants[0].flags:
            status = _compare_coverage(folders[0], folder)
        worst = max(worst, status)
    return worst


def _compare_coverage(a: Path, b: Path) -> int:
    """Return DIVERGED if runs of the same flags did not record the same: `sac diff` accepts runs of unequal length."""
    difference = coverage_difference(open_ledger(a), open_ledger(b))
    if difference:
        say(f"diverged: {one_line(difference)}")
    return DIVERGED if difference else OK
