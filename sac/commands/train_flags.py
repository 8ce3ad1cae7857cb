"""The command line of `sac train`: the flags in groups, as tyro parses them and `--help` shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import tyro

from sac import flags
from sac.config import TrainConfig


@dataclass(frozen=True)
class _EnvironmentFlags(flags.EnvironmentFlags):
    """The task, and how it is simulated and evaluated."""

    # `import` is no name that Python lets a field have, and each of the flag's values is one module.
    imports: Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE"), tyro.conf.UseAppendAction] = ()


@dataclass(frozen=True)
class ResumeFlags:
    """Go on with a run."""

    resume: str | None = None
    """go on with the run in this folder, from its newest checkpoint, with the flags it was begun with"""
    resume_from: int | None = None
    """with `--resume`: go on from the checkpoint of this iteration instead"""
    allow_drift: bool = False
    """with `--resume`: go on though this machine's arithmetic is another; manifest and ledger record it"""


@dataclass(frozen=True)
class _TrainFlags:
    """All flags that make a configuration; each field is a group, and its name the group's title."""

    experiment: flags.ExperimentFlags = field(default_factory=flags.ExperimentFlags)
    """what it is called, and what is kept of it"""
    environment: _EnvironmentFlags = field(default_factory=_EnvironmentFlags)
    """the task, and how it is simulated and evaluated"""
    algorithm: flags.AlgorithmFlags = field(default_factory=flags.AlgorithmFlags)
    """SAC's own"""
    machine: flags.MachineFlags = field(default_factory=flags.MachineFlags)
    """where and how things are computed"""
    run_folder: flags.RunFlags = field(default_factory=flags.RunFlags)
    """where it lies, and what is written into it"""


@dataclass(frozen=True)
class _ResumableFlags(_TrainFlags):
    """The same, for a run that may go on."""

    going_on: ResumeFlags = field(default_factory=ResumeFlags)
    """with a run that was stopped"""


def parse_config(arguments: Sequence[str], prog: str, description: str) -> TrainConfig:
    """The configuration that these flags give. Exits with status 2 on bad ones."""
    return _config(_parse(_TrainFlags, arguments, prog, description, TrainConfig()))


def parse_command(
    arguments: Sequence[str], prog: str, description: str, default: TrainConfig
) -> tuple[TrainConfig, ResumeFlags]:
    """The same, with the flags about going on; what is not given stands at `default`."""
    found = _parse(_ResumableFlags, arguments, prog, description, default)
    return _config(found), found.going_on


def _parse(kind: Any, arguments: Sequence[str], prog: str, description: str, default: TrainConfig) -> Any:
    values = default.to_dict()
    groups = {
        group.name: _of(group.default_factory, values) for group in dataclasses.fields(kind) if group.name != "going_on"
    }
    return tyro.cli(
        kind,
        args=list(arguments),
        prog=prog,
        description=description,
        default=kind(**groups),
        use_underscores=True,
        config=(tyro.conf.OmitArgPrefixes,),
    )


def _of(group: Any, values: dict[str, Any]) -> Any:
    """A group of flags that stand at these values."""
    return group(**{one.name: values[one.name] for one in dataclasses.fields(group)})


def _config(found: _TrainFlags) -> TrainConfig:
    groups = (found.experiment, found.environment, found.algorithm, found.machine, found.run_folder)
    return TrainConfig(**{one.name: getattr(group, one.name) for group in groups for one in dataclasses.fields(group)})
