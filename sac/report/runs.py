"""What a report reads: ledger, manifest and metrics of each run, and whatever of them is missing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sac.config import BadConfig
from sac.display import shell
from sac.ledger.file import LedgerError, LedgerSource, open_ledger
from sac.run.folder import RunFolder
from sac.run.manifest import read_manifest
from sac.run.metrics_table import read_metrics
from sac.statistics.experiments import Meaning, interference, meaning
from sac.untrusted.file import Unreadable

CURVES = ("success_once", "return")
"""Columns of metrics.csv that tell what was learnt."""
LOSSES = ("qf_loss", "actor_loss", "alpha_loss", "alpha")
"""Columns of metrics.csv that tell of the last gradient step before each evaluation."""
_COUNT = "eval_episodes"


@dataclass(frozen=True)
class ReportedRun:
    """One run, as far as its files tell.

    Attributes:
        label: a name that no other run of the report has.
        path: the run folder, or the ledger file.
        ledger: None where it is missing or can't be read.
        trouble: why there is no ledger; empty otherwise.
        header: config, fingerprint and versions, from the ledger or else the manifest; git_revision and command.
        metrics: column -> (step, value) of each evaluation.
        damage: what can't be read of manifest and metrics, in words.
        seconds: step -> seconds that training had taken; empty where no clock was kept.
    """

    label: str
    path: Path
    ledger: LedgerSource | None
    trouble: str
    header: Mapping[str, Any]
    metrics: Mapping[str, tuple[tuple[float, float], ...]]
    damage: tuple[str, ...] = ()
    seconds: Mapping[float, float] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """The run's flags."""
        return _mapping(self.header.get("config"))

    @property
    def seed(self) -> int:
        """Its root seed; -1 where no file tells it."""
        seed = self.config.get("seed")
        return seed if isinstance(seed, int) else -1

    @property
    def changed(self) -> str:
        """What was changed in it on purpose, in a word or two; empty in a run that is as its flags say."""
        return interference(self.header)

    @property
    def told(self) -> dict[str, Any]:
        """Its flags, and what was changed in it on purpose, as if that were a flag."""
        return {**self.config, "changed": self.changed or "no"}

    @cached_property
    def meaning(self) -> Meaning:
        """What decides what a run learns, seed left out: runs alike in it are one experiment."""
        return meaning(self.told)

    @property
    def command(self) -> str:
        """The command that made the run, as far as it is known."""
        words = self.header.get("command")
        # A run that a test or a script started names that one: no command of `sac`.
        if not isinstance(words, list) or words[1:2] != ["train"]:
            return ""
        named = [str(word) for word in words[1:]]
        places = [at for at, word in enumerate(named) if re.fullmatch("--run[-_]dir(=.*)?", word)]
        # The folder is taken now; without the flag a fresh one is made.
        gone = {at for place in places for at in (place, place + (named[place].find("=") < 0))}
        return shell.join(["sac", *(word for at, word in enumerate(named) if at not in gone)])


def read_runs(paths: Sequence[str | Path]) -> list[ReportedRun]:
    """Read runs; a folder that is none itself but holds some stands for those.

    Raises:
        BadConfig: there is nothing at a path, or nothing of a run.
        LedgerError: a file is no ledger.
    """
    found = [path for given in paths for path in _expand(Path(given))]
    return [_read(path, label) for path, label in zip(found, _labels(found), strict=True)]


def _expand(path: Path) -> list[Path]:
    if not path.exists():
        raise BadConfig(f"{path}: no such file or folder; give run folders of `sac train`, or ledger files")
    if not path.is_dir():
        return [path]
    inside = runs_in(path)
    if not inside:
        raise BadConfig(f"{path}: no run folder, and none in it: expected a ledger.jsonl or a manifest.json")
    return inside


def runs_in(folder: Path) -> list[Path]:
    """The folder itself where it is a run's, else those in it that are."""
    if _is_run(folder):
        return [folder]
    return sorted(child for child in folder.iterdir() if child.is_dir() and _is_run(child))


def _is_run(path: Path) -> bool:
    folder = RunFolder(path)
    return any(file.exists() for file in (folder.ledger, folder.manifest, folder.metrics))


def _labels(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart, numbered where nothing does."""
    names = [path.parent / path.stem if path.suffix == ".jsonl" and path.stem != "ledger" else path for path in paths]
    names = [name.parent if name.name == "ledger.jsonl" else name for name in names]
    parts = [name.absolute().parts[1:] for name in names]
    for depth in range(1, 6):
        labels = ["/".join(part[-depth:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{part[-1]} ({number})" for number, part in enumerate(parts, start=1)]


def _read(path: Path, label: str) -> ReportedRun:
    folder = RunFolder(path if path.is_dir() else path.parent)
    own = path.is_dir() or path == folder.ledger
    damage: list[str] = []
    manifest = _manifest(folder.manifest, damage) if own else {}
    metrics = _metrics(folder.metrics, damage) if own else {}
    seconds = _seconds(folder.times) if own else {}
    try:
        ledger = open_ledger(path)
    except LedgerError as error:
        # A file that no other tells anything of must at least begin as a ledger does.
        if not (manifest or metrics or damage):
            raise
        return ReportedRun(label, path, None, str(error), manifest, metrics, tuple(damage), seconds)
    return ReportedRun(label, path, ledger, "", {**manifest, **ledger.header}, metrics, tuple(damage), seconds)


def _manifest(path: Path, damage: list[str]) -> dict[str, Any]:
    try:
        return read_manifest(path)
    except Unreadable as error:
        damage += [] if error.missing else [str(error)]
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _metrics(path: Path, damage: list[str]) -> dict[str, tuple[tuple[float, float], ...]]:
    """The curves."""
    try:
        table = read_metrics(path).columns
    except Unreadable as error:
        damage += [] if error.missing else [str(error)]
        return {}
    points = {name: _points(table["step"], table.get(name, [])) for name in (*CURVES, *LOSSES, _COUNT)}
    return {name: found for name, found in points.items() if found}


def _seconds(path: Path) -> dict[float, float]:
    """The clock; none where it is missing or damaged, for nothing else depends on it."""
    try:
        table = read_metrics(path).columns
    except Unreadable:
        return {}
    return dict(_points(table["step"], table.get("seconds", [])))


def _points(steps: Sequence[float], values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple((step, value) for step, value in zip(steps, values, strict=False) if not math.isnan(value))
