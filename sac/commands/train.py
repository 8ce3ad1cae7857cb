"""`sac train`: its command line, and what it starts.

Nothing here imports torch or NumPy at its top: the flags choose the numerics profile, which must be prepared first.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from sac.checkpoint.resume import Resume, find_run, require_may_change
from sac.commands.exit_status import OK, STOPPED
from sac.config import BadConfig, TrainConfig, check
from sac.display.terminal import refuse, say
from sac.display.visible import one_line
from sac.numerics import profiles

_TRAIN = (
    "Train Soft Actor-Critic on a ManiSkill task, with the flags of ManiSkill's sac.py; equal seeds give equal bits. "
    "--resume continues a run that was stopped. Exit status: 0 trained, 2 an error, 3 stopped by a signal, "
    "70 an error that nobody foresaw."
)


def parse_train(arguments: Sequence[str], prog: str = "sac train") -> TrainConfig:
    """Return the configuration of these flags; dashes and underscores are alike. Exit with status 2 on bad ones."""
    from sac.commands.train_flags import parse_config

    return parse_config(arguments, prog, _TRAIN)


def parse_resumable(arguments: Sequence[str]) -> tuple[TrainConfig, Resume | None]:
    """Return the configuration of these flags, and the run to resume if `--resume` names one.

    Raises:
        BadConfig: the run can't be resumed, or not with these flags.
    """
    from sac.commands.train_flags import parse_command

    named = argparse.ArgumentParser(prog="sac train", add_help=False, allow_abbrev=False)
    named.add_argument("--resume")
    root = named.parse_known_args(list(arguments))[0].resume
    found = find_run(Path(root).expanduser(), None, False) if root is not None else None
    config, going_on = parse_command(arguments, "sac train", _TRAIN, found.stored if found else TrainConfig())
    if found is None:
        if going_on.resume_from is not None or going_on.allow_drift:
            raise BadConfig("--resume_from and --allow_drift need --resume RUN_DIR")
        return config, None
    require_may_change(found.stored, config)
    return config, dataclasses.replace(found, iteration=going_on.resume_from, allow_drift=going_on.allow_drift)


def train_command(arguments: list[str]) -> int:
    """`sac train [flags]`; 0 trained, 2 an error, 3 stopped by a signal after a checkpoint."""
    config, resume = parse_resumable(arguments)
    check(dataclasses.replace(config, checkpoint=None) if resume else config)
    profiles.set_variables(config.numerics)
    if config.evaluate:
        from sac.commands.evaluate import evaluate_as_configured

        return evaluate_as_configured(config)
    from sac.run.logs import announce_building
    from sac.run.signals import Stopped

    announce_building(config)
    from sac.trainer import train

    try:
        folder = train(config, resume)
    except Stopped as stopped:
        refuse("sac train", stopped)
        return STOPPED
    say(f"run folder: {one_line(str(folder.root))}")
    return OK
