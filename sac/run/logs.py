"""What people watch during a run: progress, TensorBoard, Weights & Biases."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sac.config import TrainConfig
from sac.display.terminal import complain
from sac.display.visible import one_line
from sac.run.held_folder import HeldFolder
from sac.run.tracking import TensorBoard, Tracker


def is_shown(config: TrainConfig) -> bool:
    """Whether somebody looks on who wants to see how far it is."""
    return config.progress and sys.stderr is not None and sys.stderr.isatty()


def announce_building(config: TrainConfig) -> None:
    """Say what takes the first seconds, in which the bar has nothing to show."""
    if is_shown(config):
        complain(f"building environments of {one_line(config.env_id)}: {config.num_envs} …")


class Logs:
    """Progress bar on a terminal, a line for each evaluation anywhere, scalars to TensorBoard and Weights & Biases.

    Nothing here touches training: the bits are the same with all of it off.

    Args:
        config: what to show, and the flags themselves.
        folder: the run folder, where TensorBoard's events go.
        resumed_at: env step after which a resumed run continues.
        tracker: takes the scalars too; closed with this.
    """

    def __init__(
        self, config: TrainConfig, folder: HeldFolder, resumed_at: int | None = None, tracker: Tracker | None = None
    ) -> None:
        # A process may have been started without standard error.
        quiet = sys.stderr is None
        self._console = Console(stderr=not quiet, quiet=quiet, highlight=False, soft_wrap=True)
        self._trackers = [tracker] if tracker is not None else []
        if config.tensorboard:
            self._open_tensorboard(config, folder, resumed_at)
        shown = is_shown(config)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("env steps"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not shown,
        )
        self._first_step = resumed_at or 0
        self._task = self._bar.add_task("training", total=config.total_timesteps, rate="", completed=self._first_step)
        self._times: dict[str, float] = defaultdict(float)
        self.last: dict[str, float] = {}
        self._bar.start()

    def say(self, line: str) -> None:
        """Print one line for the person who started the run."""
        self._console.print(one_line(line), markup=False)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write scalars, tag -> value."""
        self._each(lambda tracker: tracker.scalars(values, step))

    def sync(self) -> None:
        """Hand all scalars to the operating system."""
        self._each(lambda tracker: tracker.flush())

    def _open_tensorboard(self, config: TrainConfig, folder: HeldFolder, resumed_at: int | None) -> None:
        try:
            self._trackers.append(TensorBoard(config, folder, resumed_at))
        except Exception as error:  # whatever its writer raises (a folder whose name is no UTF-8, for one)
            self.say(f"no TensorBoard events: {type(error).__name__}: {error}")

    def _each(self, do: Callable[[Tracker], object]) -> None:
        """Do something with every tracker; one that fails is left out from then on, and the run goes on."""
        self._trackers = [tracker for tracker in self._trackers if self._does(do, tracker)]

    def _does(self, do: Callable[[Tracker], object], tracker: Tracker) -> bool:
        try:
            do(tracker)
        except Exception as error:  # whatever somebody else's client raises
            self.say(f"{tracker.name} is left out from here on: {type(error).__name__}: {error}")
            return False
        return True

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
        """Move the bar; its rate is env steps per second since this process began, which may be within the run."""
        elapsed = self._bar.tasks[0].elapsed or 0.0
        rate = f"{(step - self._first_step) / elapsed:.0f} env steps/s" if elapsed > 0 else ""
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
        self._each(lambda tracker: tracker.close(error is not None))
