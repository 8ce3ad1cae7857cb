"""Where scalars go beside the run's own files: TensorBoard's events, and Weights & Biases.

Neither is part of what a run promises, so a training outlives both: `Logs` leaves out one that fails.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import time
from collections.abc import Mapping
from typing import Any, Protocol

from sac.config import BadConfig, TrainConfig
from sac.run.held_folder import HeldFolder

EVENTS = "events.out.tfevents."
"""How the names of TensorBoard's files begin; a time in seconds follows."""
_EVENT_NAME = re.compile(rf"{re.escape(EVENTS)}\d{{1,12}}\.")


class Tracker(Protocol):
    """Takes scalars."""

    name: str

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Take tag -> value."""
        ...

    def flush(self) -> None:
        """Hand all of them to the operating system."""
        ...

    def close(self, failed: bool) -> None:
        """Take no more."""
        ...


class TensorBoard:
    """Events in the run folder.

    Args:
        config: shown as a table.
        folder: the run folder, where the events go.
        resumed_at: env step after which a resumed run goes on.
    """

    name = "TensorBoard"

    def __init__(self, config: TrainConfig, folder: HeldFolder, resumed_at: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # Its writer opens the file by name, again and again.
        where = folder.path_of(folder.path)
        put_before(folder, int(time.time()))
        before = event_files(folder)
        # TensorBoard forgets what a run that died has written of later steps.
        purged = None if resumed_at is None else resumed_at + 1
        self._writer = SummaryWriter(str(where), purge_step=purged)
        for name in event_files(folder) - before:
            folder.watch(folder.path / name, for_the_end=True)
        if resumed_at is not None:
            return
        rows = "\n".join(f"|{name}|{value}|" for name, value in config.to_manifest().items())
        # A path may hold bytes that are no UTF-8.
        table = f"|param|value|\n|-|-|\n{rows}".encode("utf-8", "backslashreplace").decode()
        self._writer.add_text("hyperparameters", table)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Take tag -> value."""
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, step)

    def flush(self) -> None:
        """Hand all of them to the operating system."""
        self._writer.flush()

    def close(self, failed: bool) -> None:
        """Take no more."""
        self._writer.close()


def event_files(folder: HeldFolder) -> set[str]:
    """Return the names of TensorBoard's files in a run folder."""
    return {name for name in os.listdir(folder.descriptor) if name.startswith(EVENTS)}


def put_before(folder: HeldFolder, now: int) -> None:
    """Rename TensorBoard's files that would not come before one of this second.

    TensorBoard reads the files of a run in the order of their names, and the name begins with a time. Where the clock
    went back, or two processes began in one second, what a resumed run writes would come first and be purged.

    Args:
        folder: the run folder.
        now: seconds since the epoch.
    """
    times = {name: _EVENT_NAME.match(name) for name in event_files(folder)}
    names = sorted(name for name, found in times.items() if found)
    late = [name for name in names if int(name[len(EVENTS) :].partition(".")[0]) >= now]
    if not late:
        return
    for number, name in enumerate(names):
        _, _, rest = name[len(EVENTS) :].partition(".")
        renamed = f"{EVENTS}{now - len(names) + number:010d}.{rest}"
        os.rename(name, renamed, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)


class WeightsAndBiases:
    """A run of Weights & Biases; a training that is resumed goes on with the one that it had.

    Args:
        config: project, entity, group, and what is shown as the run's configuration.
        name: of the run folder.
        before: what the manifest of a resumed training holds of its run; empty for a new one.

    Raises:
        BadConfig: it can't begin, for example for want of a login.
    """

    name = "Weights & Biases"

    def __init__(self, config: TrainConfig, name: str, before: Mapping[str, Any]) -> None:
        if importlib.util.find_spec("wandb") is None:
            raise BadConfig("--track: needs the package wandb: pip install wandb")
        wandb = importlib.import_module("wandb")
        known = {key: before[key] for key in ("id", "project", "entity") if isinstance(before.get(key), str)}
        options = {"project": config.wandb_project_name, "entity": config.wandb_entity, **known}
        if "id" in known:
            options["resume"] = "allow"
        try:
            self._run: Any = wandb.init(group=config.wandb_group, name=name, config=config.to_manifest(), **options)
        except Exception as error:  # whatever it raises, it can't begin
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BadConfig(
                f"--track: Weights & Biases can't begin a run: {reason}. `wandb login` logs in; WANDB_MODE=offline "
                "needs no login"
            ) from error

    def identity(self) -> dict[str, str]:
        """What the manifest keeps, so that a resumed training joins this run."""
        found = {key: getattr(self._run, key, None) for key in ("id", "project", "entity")}
        return {key: str(value) for key, value in found.items() if value}

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Take tag -> value."""
        self._run.log(dict(values), step=step)

    def flush(self) -> None:
        """Nothing: its own process writes."""

    def close(self, failed: bool) -> None:
        """Take no more, and show the run as failed where it did. Closing again does nothing."""
        run, self._run = self._run, None
        if run is not None:
            run.finish(exit_code=int(failed))


def begin_tracking(config: TrainConfig, name: str, manifest: Mapping[str, Any]) -> WeightsAndBiases | None:
    """Begin or join the run that `--track` asks for, before a run folder is made.

    Args:
        config: the flags.
        name: of the run folder.
        manifest: of the training that goes on; empty for a new one.

    Raises:
        BadConfig: it can't begin.
    """
    if not config.track:
        return None
    before = manifest.get("wandb")
    return WeightsAndBiases(config, name, before if isinstance(before, dict) else {})
