"""What people watch during a run: progress, TensorBoard, Weights & Biases."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sac.config import BadConfig, TrainConfig
from sac.run.folder import RunFolder


class Logs:
    """Progress bar on a terminal, a line for each evaluation anywhere, scalars to TensorBoard and Weights & Biases.

    Nothing here touches training: the bits are the same with all of it off.

    Args:
        config: what to show, and the flags themselves.
        folder: where TensorBoard's events go.
        resumed_at: env step after which a resumed run continues.
    """

    def __init__(self, config: TrainConfig, folder: RunFolder, resumed_at: int | None = None) -> None:
        # A process may have been started without standard error.
        quiet = sys.stderr is None
        self._console = Console(stderr=not quiet, quiet=quiet, highlight=False, soft_wrap=True)
        self._writer = _tensorboard(config, folder, resumed_at) if config.tensorboard else None
        self._wandb = _wandb(config, folder) if config.track else None
        shown = config.progress and sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not shown,
        )
        self._task = self._bar.add_task("training", total=config.total_timesteps, rate="")
        self._times: dict[str, float] = defaultdict(float)
        self.last: dict[str, float] = {}
        self._bar.start()

    def say(self, line: str) -> None:
        """Print one line for the person who started the run."""
        self._console.print(line, markup=False)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write scalars, tag -> value."""
        for tag, value in values.items():
            if self._writer is not None:
                self._writer.add_scalar(tag, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(values), step=step)

    def sync(self) -> None:
        """Hand all scalars to the operating system."""
        if self._writer is not None:
            self._writer.flush()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure a part of the iteration; see `times`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.book(name, time.perf_counter() - start)

    def book(self, name: str, seconds: float) -> None:
        """Record the seconds of a part of the iteration that were measured elsewhere."""
        self.last[name] = seconds
        self._times[name] += seconds

    def times(self, steps_per_iteration: int) -> dict[str, float]:
        """Return the `time/…` scalars that ManiSkill's baselines write."""
        scalars = {f"time/{name}": value for name, value in self.last.items()}
        scalars |= {f"time/total_{name}": value for name, value in self._times.items()}
        scalars["time/total_rollout+update_time"] = self._times["rollout_time"] + self._times["update_time"]
        scalars["time/rollout_fps"] = steps_per_iteration / self.last["rollout_time"]
        return scalars

    def progress(self, step: int) -> None:
        """Move the bar; its rate is env steps per second, like the baselines' `it/s`."""
        elapsed = self._bar.tasks[0].elapsed or 0.0
        rate = f"{step / elapsed:.0f} it/s" if elapsed > 0 else ""
        self._bar.update(self._task, completed=step, rate=rate)

    def evaluation(self, step: int, metrics: Mapping[str, float], episodes: int, seconds: float) -> None:
        """Show an evaluation's result as a line and beside the bar."""
        shown = f"success_once {metrics['success_once']:.2f}, return {metrics['return']:.2f}"
        self._bar.update(self._task, description=shown)
        self.say(
            f"step {step:>9,}: success_once {metrics['success_once']:.3f}  success_at_end "
            f"{metrics['success_at_end']:.3f}  return {metrics['return']:.3f}  ({episodes} episodes, {seconds:.1f} s)"
        )

    def __enter__(self) -> Logs:
        """Everything is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close bar and writers."""
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()
        if self._wandb is not None:
            self._wandb.finish()


def _tensorboard(config: TrainConfig, folder: RunFolder, resumed_at: int | None) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    if resumed_at is not None:
        # TensorBoard then drops what the dead run wrote about later steps.
        return SummaryWriter(str(folder.root), purge_step=resumed_at + 1)
    writer = SummaryWriter(str(folder.root))
    rows = "\n".join(f"|{name}|{value}|" for name, value in config.to_dict().items())
    writer.add_text("hyperparameters", f"|param|value|\n|-|-|\n{rows}")
    return writer


def require_tracking(config: TrainConfig) -> None:
    """Refuse `--track` if it can't work, before a run folder is made.

    Raises:
        BadConfig: wandb is not installed.
    """
    if config.track and importlib.util.find_spec("wandb") is None:
        raise BadConfig("--track: needs the package wandb: pip install wandb")


def _wandb(config: TrainConfig, folder: RunFolder) -> Any:
    import wandb

    return wandb.init(
        project=config.wandb_project_name,
        entity=config.wandb_entity,
        group=config.wandb_group,
        name=folder.root.name,
        config=config.to_dict(),
    )
