"""`sac.train`: a training from a script or a notebook, in a process of its own unless told otherwise.

A numerics profile's variables are read when torch and NumPy load, and a notebook has loaded both long before. A process
of its own can set them in time; it also keeps its memory and its threads to itself.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import signal
import subprocess
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from sac.api.runs import Run, load_run
from sac.checkpoint.resume import find_run, require_may_change
from sac.config import BadConfig, TrainConfig, check, flag_words
from sac.display.terminal import complain
from sac.errors import UserError
from sac.processes import end_with_parent, sac_command
from sac.run import folder as run_folder


class TrainingFailed(UserError, RuntimeError):
    """The training's process ended with an error; the message is its last line, what it said before was shown.

    Attributes:
        status: its exit status: 2 for bad input, 3 where a signal stopped it after a checkpoint.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def train(
    config: TrainConfig | None = None,
    *,
    resume: str | PathLike[str] | None = None,
    in_process: bool = False,
    show: bool = True,
    **flags: Any,
) -> Run:
    """Train, and return the run.

    Args:
        config: the flags; by default those of `sac train`.
        resume: a run folder to go on with; `config` must be None then, and `flags` may be those that can change.
        in_process: train in this process instead of one of its own. The profile must have been prepared before torch
            and NumPy were loaded: `sac.prepare("deterministic")`, or `numerics="fast"`, which needs nothing.
        show: print what the training says, on the error stream.
        flags: fields of `TrainConfig` that are to be others, for example `env_id="Point-v1"`.

    Raises:
        BadConfig: a flag is unknown or its value can't be used.
        TrainingFailed: the process ended with an error.
        LoadedTooEarly: with `in_process`, where the profile can't be prepared any more; the message says what to call.
        KeyboardInterrupt: the training was asked to stop, and did so after a checkpoint.
    """
    _require_known(flags)
    if resume is not None:
        if config is not None:
            raise BadConfig("resume: the run's own flags are taken; leave config out, and give what is to change")
        return _resume(Path(resume).expanduser(), flags, in_process, show)
    chosen = TrainConfig(**{**(config or TrainConfig()).to_dict(), **flags})
    check(chosen)
    if in_process:
        return _here(chosen)
    root = run_folder.choose(chosen).root
    _run([*_words(chosen.to_manifest()), f"--run_dir={root}"], show)
    return load_run(root)


def _require_known(flags: Mapping[str, Any]) -> None:
    known = TrainConfig().to_dict()
    for name in flags:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; `sac.TrainConfig` has the names"
            raise BadConfig(f"{name}: no flag of a training{hint}")


def _words(fields: Mapping[str, Any]) -> list[str]:
    """The flags of a command line that are not the defaults, all but the run folder."""
    defaults = TrainConfig().to_manifest()
    changed = {name: value for name, value in fields.items() if value != defaults.get(name) and name != "run_dir"}
    return [word for name, value in changed.items() for word in flag_words(name, value)]


def _resume(root: Path, flags: Mapping[str, Any], in_process: bool, show: bool) -> Run:
    found = find_run(root, None, False)
    config = TrainConfig(**{**found.stored.to_dict(), **flags})
    require_may_change(found.stored, config)
    check(config)
    if in_process:
        from sac.trainer import train as train_here

        return load_run(train_here(config, found).root)
    _run([f"--resume={root}", *(word for name, value in flags.items() for word in flag_words(name, value))], show)
    return load_run(root)


def _here(config: TrainConfig) -> Run:
    """Train in this process."""
    from sac.numerics import profiles

    profiles.set_variables(config.numerics)
    from sac.trainer import train as train_here

    return load_run(train_here(config).root)


def _run(words: list[str], show: bool) -> None:
    """Run `sac train`; its lines are shown as they come, since a notebook shows no other process's error stream."""
    environment = {name: value for name, value in os.environ.items() if name != "SAC_RESTARTED"}
    process = subprocess.Popen(
        sac_command(["train", *words]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        env=environment,
        # Ctrl-C reaches this process alone, which passes it on once.
        start_new_session=True,
        preexec_fn=end_with_parent(),
    )
    try:
        last = _listen(process, show)
    except BaseException:
        process.send_signal(signal.SIGINT)
        _listen(process, show)
        raise
    finally:
        status = process.wait()
    if status:
        message = last.partition("error: ")[2] or last or f"it ended with status {status}"
        raise TrainingFailed(status, message)


def _listen(process: subprocess.Popen[str], show: bool) -> str:
    """Show what the training says until it ends; returns its last line."""
    last = ""
    # Any: the stream is there, since a pipe was asked for.
    for line in cast("Any", process.stdout):
        last = line.rstrip("\n") or last
        if show:
            # Nobody may be there to read it: no reason to end the training.
            with contextlib.suppress(OSError, ValueError):
                complain(line, end="")
    return last
