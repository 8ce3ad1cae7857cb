"""How far the runs of a sweep are: a bar for each on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sac.commands.sweep_plan import SweepRun

_EVERY = 1.0
"""Seconds between two looks into the ledgers."""


class SweepProgress:
    """Reads in the ledgers how far runs are.

    Args:
        runs: those that are shown.
    """

    def __init__(self, runs: Sequence[SweepRun]) -> None:
        shown = sys.stderr is not None and sys.stderr.isatty()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=Console(stderr=True, highlight=False), disable=not shown)
        self._runs = {run.name: run for run in runs}
        self._ended: set[str] = set()
        self._tasks = {
            run.name: self._bars.add_task(run.name, total=run.config.total_timesteps, completed=run.step)
            for run in runs
            if shown
        }
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True) if shown else None

    def done(self, name: str, status: int) -> None:
        """Say that a run has ended."""
        self._ended.add(name)
        if name in self._tasks:
            self._show(name, "" if status == 0 else f" failed with status {status}")

    def _show(self, name: str, note: str = "") -> None:
        self._bars.update(self._tasks[name], completed=self._runs[name].step, description=name + note)

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            for name in self._runs.keys() - self._ended:
                self._show(name)

    def __enter__(self) -> SweepProgress:
        """Show the bars."""
        self._bars.start()
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave them as they are."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._bars.stop()
