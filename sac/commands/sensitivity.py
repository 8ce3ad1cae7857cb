"""`sac sensitivity`: what does one rounding do to a training?

Nothing here imports torch or NumPy at its top: the flags choose the numerics profile, which must be prepared first.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sac.commands.exit_status import BAD_INPUT, OK, STOPPED
from sac.commands.parsers import sensitivity_parser
from sac.commands.train import parse_train
from sac.commands.training_process import Variant, require_no_run_dir, run_training
from sac.config import BadConfig, TrainConfig, check
from sac.display.terminal import refuse, say
from sac.display.visible import one_line
from sac.numerics import profiles
from sac.processes import Children, ended_by_signals
from sac.run.folder import RunFolder, put_manifest
from sac.run.manifest import read_manifest
from sac.schedule import Schedule

if TYPE_CHECKING:
    from sac.similarity.growth import GrowthRow
    from sac.similarity.one_ulp import Target

SEED = 10_000
"""Of the observations on which actions are compared; no training's unless it is asked for."""
_OBSERVATIONS = 1024


def sensitivity_command(arguments: Sequence[str]) -> int:
    """Run `sac sensitivity`: return 0 if both runs trained and were compared, 2 if one failed.

    Raises:
        BadConfig: a flag's value can't be used.
    """
    options, flags = sensitivity_parser().parse_known_args(list(arguments))
    require_no_run_dir(flags, "there are two run folders; name the folder of both with --dir FOLDER")
    config = parse_train(flags, prog="sac sensitivity")
    _require_usable(config)
    at = _iteration(config, options.at)
    profiles.set_variables(config.numerics)
    if options.changed_only:
        return _train_changed(config, options.ulp, at, options.changed_only)
    root = _root(config, options.dir)
    failure = _train_both(flags, root, options.ulp, at)
    if failure:
        refuse("sac sensitivity", failure)
        return BAD_INPUT
    _compare(config, root)
    return OK


def _require_usable(config: TrainConfig) -> None:
    """Refuse flags that leave nothing to compare.

    Raises:
        BadConfig: they do.
    """
    check(config)
    if config.eval_freq == 0:
        raise BadConfig("--eval_freq 0: policies are compared at evaluations; give the env steps between two")
    if not config.save_model:
        raise BadConfig("--no-save_model: policies are compared as they are saved; leave it out")
    if config.ledger_freq == 0 or config.evaluate:
        raise BadConfig(
            "--ledger_freq 0 and --evaluate leave no ledger, which tells where the runs part; leave them out"
        )
    if config.checkpoint_freq not in (TrainConfig.checkpoint_freq, "0"):
        raise BadConfig(f"--checkpoint_freq {config.checkpoint_freq}: these runs can't be resumed; leave it out, or 0")


def _iteration(config: TrainConfig, asked: int | None) -> int:
    """Before which iteration the change is made.

    Raises:
        BadConfig: the run has no such iteration.
    """
    if asked is not None:
        if not 1 <= asked <= config.iterations:
            raise BadConfig(f"--at {asked}: must lie between 1 and {config.iterations}, the run's last iteration")
        return asked
    schedule = Schedule(config)
    acting = (k for k in range(config.iterations) if not schedule.warms_up(k, k * config.training_freq))
    return next(acting, config.iterations - 1) + 1


def _root(config: TrainConfig, asked: str | None) -> Path:
    """The folder of both runs.

    Raises:
        BadConfig: it holds some already.
    """
    root = Path(asked) if asked else Path("runs") / f"{config.env_id.replace('/', '_')}__sensitivity"
    for run in _runs(root):
        if run.manifest.exists():
            raise BadConfig(f"--dir {root}: holds a run already ({run.root.name}); give a new folder, or remove it")
    return root


def _runs(root: Path) -> tuple[RunFolder, RunFolder]:
    return RunFolder(root / "as_it_is"), RunFolder(root / "one_ulp")


def _train_both(flags: Sequence[str], root: Path, target: str, at: int) -> str:
    """Train one after the other, in fresh processes; returns what failed, in words."""

    def changed(words: Sequence[str], folder: Path) -> list[str]:
        return ["sensitivity", *words, f"--ulp={target}", f"--at={at}", "--changed_only", str(folder)]

    shown = sys.stderr is not None and sys.stderr.isatty()
    with ended_by_signals(), Children() as children:
        for run, command in zip(_runs(root), (None, changed), strict=True):
            variant = Variant(run.root.name, ("--checkpoint_freq=0",))
            status = run_training(flags, run.root, variant, children, "all" if shown else "failures", command)
            if status != 0:
                return f"the run {run.root.name} ended with status {status}"
    return ""


def _train_changed(config: TrainConfig, target: Target, at: int, folder: str) -> int:
    """Train the changed run here; its manifest says what was changed."""
    from sac.run.signals import Stopped
    from sac.similarity.one_ulp import OneUlp
    from sac.trainer import Interference, train

    change = OneUlp(target, at)
    told = {"kind": "one ULP", "target": target, "before_iteration": at}
    try:
        run = train(dataclasses.replace(config, run_dir=folder), interference=Interference(change, told))
    except Stopped as stopped:
        refuse("sac sensitivity", stopped)
        return STOPPED
    if change.planted is not None:
        told |= dataclasses.asdict(change.planted)
    put_manifest(run, {**read_manifest(run.manifest), "interference": told})
    return OK


def _compare(config: TrainConfig, root: Path) -> None:
    """Write the table and the picture, and print what was found."""
    from sac.ledger.comparison import compare
    from sac.ledger.file import open_ledger
    from sac.similarity.growth import growth, growth_csv
    from sac.similarity.observations import draw_observations
    from sac.similarity.picture import growth_picture

    profiles.apply(config.numerics, config.threads)
    a, b = _runs(root)
    observations = draw_observations(dataclasses.replace(config, seed=SEED), _OBSERVATIONS)
    rows = growth(a, b, config.training_freq, observations.values)
    told = read_manifest(b.manifest)["interference"]
    (root / "growth.csv").write_text(growth_csv(rows), encoding="utf-8", newline="")
    title = f"One ULP in {config.env_id}, seed {config.seed}"
    (root / "growth.svg").write_text(growth_picture(rows, title, told["before_iteration"]), encoding="utf-8")
    say(_change(told))
    first = compare(open_ledger(a.root), open_ledger(b.root)).first
    say(f"ledgers: {one_line(first.headline) if first else 'no recorded channel differs'}")
    say(_describe(rows))
    say(one_line(f"observations: {observations.source}"))
    say(one_line(f"written: {root / 'growth.csv'}, {root / 'growth.svg'}, and the runs {a.root} (A) and {b.root} (B)"))


def _change(told: dict[str, object]) -> str:
    return one_line(
        f"changed before iteration {told['before_iteration']}: {told.get('place')}, {told.get('before')!r} to "
        f"{told.get('after')!r}"
    )


def _describe(rows: Sequence[GrowthRow]) -> str:
    """The table for people, and what became of the evaluations."""
    from sac.statistics.tables import Table, to_markdown

    apart = ("iteration", "env step", "parameters, L2 / that of A", "actions, mean", "actions, max")
    found = ("success A", "success B", "return A", "return B")
    cells = tuple(
        (
            row.iteration,
            row.global_step,
            "bits equal" if row.bits_equal else row.parameters_relative,
            row.action_mean,
            row.action_max,
            row.success_once_a,
            row.success_once_b,
            row.return_a,
            row.return_b,
        )
        for row in rows
    )
    return to_markdown(Table("growth", "How far the runs are apart", (*apart, *found), cells))
