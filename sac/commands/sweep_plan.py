"""Which runs a sweep has: seeds times the combinations of its grid, each in a folder of its own."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sac.checkpoint.resume import changes, find_run, require_may_change
from sac.commands.train import parse_train
from sac.config import INTEGER_BOUND, LAYOUT_FIELDS, BadConfig, TrainConfig, check, flag_word
from sac.ledger.file import last_step
from sac.run.folder import RunFolder

MOST_RUNS = 10_000
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_OWN = {
    "seed": "a sweep has --seeds",
    "run_dir": "a sweep has --sweep_dir, and a folder in it for each run",
    "resume": "a sweep resumes what is unfinished by itself: give the same command again",
    "resume_from": "a sweep resumes what is unfinished by itself: give the same command again",
    "evaluate": "a sweep trains",
}
"""Flags of `sac train` that a sweep sets itself."""

State = Literal["new", "unfinished", "finished"]


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes:
        name: of its folder, from what it varies.
        flags: all flags of `sac train` but the folder.
        config: what they give.
        folder: where it lies.
    """

    name: str
    flags: tuple[str, ...]
    config: TrainConfig
    folder: RunFolder

    @property
    def step(self) -> int:
        """Env steps that its ledger tells of; 0 before the first."""
        return last_step(self.folder.ledger)

    @property
    def state(self) -> State:
        """Whether it has begun, and ended.

        A run has ended if its ledger tells of the last iteration, its policy is there, and the process that trained has
        let go of the folder: it empties the lock's file once the last checkpoint is written.
        """
        if not self.folder.manifest.exists():
            return "new"
        has_policy = self.folder.policy.exists() or not self.config.save_model
        let_go = not self.folder.lock.exists() or self.folder.lock.stat().st_size == 0
        return "finished" if self.step >= self.config.total_timesteps and has_policy and let_go else "unfinished"

    def command(self) -> list[str]:
        """The words behind `sac` that begin it, or go on with it."""
        if self.state == "new":
            return ["train", *self.flags, "--run_dir", str(self.folder.root)]
        stored = find_run(self.folder.root, None, False).stored
        changed = changes(stored, self.config)
        words = [flag_word(name, value) for name, (_, value) in changed.items() if name in _MAY_GROW]
        return ["train", "--resume", str(self.folder.root), *words]


_MAY_GROW = LAYOUT_FIELDS & {"total_timesteps", "workers", "checkpoint_freq", "keep_checkpoints", "eval_freq"}
"""Flags that a run takes from a later command; the others are those it was begun with."""


def parse_seeds(text: str) -> list[int]:
    """The seeds of `42-46,50`, in the order given.

    Raises:
        BadConfig: it is no list of seeds.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise BadConfig(f"--seeds {text}: must be seeds and ranges, for example 42-46 or 1,2,10-14")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last >= INTEGER_BOUND or last - first >= MOST_RUNS:
            raise BadConfig(f"--seeds {part}: must run upwards, over at most {MOST_RUNS} seeds")
        seeds += range(first, last + 1)
    doubled = sorted({seed for seed in seeds if seeds.count(seed) > 1}) if len(set(seeds)) < len(seeds) else []
    if doubled:
        raise BadConfig(f"--seeds {text}: names seed {doubled[0]} twice")
    return seeds


def parse_grid(items: Sequence[str]) -> list[dict[str, str]]:
    """The combinations of `gamma=0.8,0.95 tau=0.01,0.02`; one without anything for no grid.

    Raises:
        BadConfig: an item is no flag with values.
    """
    axes: dict[str, list[str]] = {}
    known = TrainConfig().to_dict()
    for item in items:
        name, separator, values = item.partition("=")
        name, choices = name.strip("-").replace("-", "_"), values.split(",")
        if not separator or not all(choices) or len(set(choices)) < len(choices):
            raise BadConfig(f"--grid {item}: must be NAME=A,B: a flag of `sac train` and values that differ")
        if name in _OWN or name in ("exp_name", "ledger_freq"):
            raise BadConfig(f"--grid {item}: --{name} is the sweep's own")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise BadConfig(f"--grid {item}: no flag of `sac train` is named {name}{meant}")
        if name in axes:
            raise BadConfig(f"--grid {item}: --grid names {name} twice")
        axes[name] = choices
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def require_free(flags: Sequence[str]) -> None:
    """Refuse flags that are the sweep's own.

    Raises:
        BadConfig: one is given.
    """
    for flag in flags:
        name = flag.partition("=")[0].lstrip("-").replace("-", "_").removeprefix("no_")
        if flag.startswith("--") and name in _OWN:
            raise BadConfig(f"--{name}: {_OWN[name]}")


def make_plan(root: Path, flags: Sequence[str], seeds: Sequence[int], grid: Sequence[dict[str, str]]) -> list[SweepRun]:
    """All runs, in the order in which they are begun: one seed of each combination before the next seed.

    Raises:
        BadConfig: a configuration can't work, or a folder holds a run of another one.
    """
    if len(seeds) * len(grid) > MOST_RUNS:
        raise BadConfig(f"--seeds and --grid make {len(seeds) * len(grid)} runs: at most {MOST_RUNS} are possible")
    plan = [_run(root, flags, seed, values) for seed in seeds for values in grid]
    for run in plan:
        _require_own(run)
    return plan


def _run(root: Path, flags: Sequence[str], seed: int, values: dict[str, str]) -> SweepRun:
    words = (*flags, *(_word(name, value) for name, value in values.items()), f"--seed={seed}")
    name = ",".join([*(f"{flag}={value}" for flag, value in values.items()), f"seed={seed}"]).replace("/", "_")
    config = parse_train(words, prog="sac sweep")
    check(config)
    if config.ledger_freq == 0:
        raise BadConfig("--ledger_freq 0: a sweep reads in the ledgers how far its runs are; give another number")
    return SweepRun(name, words, config, RunFolder(root / name))


def _word(name: str, value: str) -> str:
    """One flag of `sac train`; switches have no value there."""
    if not isinstance(getattr(TrainConfig, name), bool):
        return flag_word(name, value)
    if value not in ("True", "False"):
        raise BadConfig(f"--grid {name}={value}: a switch, must be True or False")
    return flag_word(name, value == "True")


def _require_own(run: SweepRun) -> None:
    """Refuse a folder that holds another experiment."""
    if run.state == "new":
        return
    stored = find_run(run.folder.root, None, False).stored
    try:
        # What names and places a run may differ, as in a resume.
        require_may_change(stored, TrainConfig(**{**run.config.to_dict(), "run_dir": stored.run_dir}))
    except BadConfig as error:
        what = str(error).partition(": these flags can't change in a run: ")[2].partition(". Leave")[0] or str(error)
        raise BadConfig(
            f"--sweep_dir {run.folder.root.parent}: {run.name} was begun with other flags ({what}); "
            "give the flags of then, or another --sweep_dir"
        ) from error
    if run.config.total_timesteps < stored.total_timesteps:
        raise BadConfig(
            f"--total_timesteps {run.config.total_timesteps}: {run.folder.root} was begun with "
            f"{stored.total_timesteps}; give at least that, or another --sweep_dir"
        )
