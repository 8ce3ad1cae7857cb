"""`success_history.csv` and `times.csv`: success alone, and the clock, at each evaluation.

Neither is part of a checkpoint. What a resumed run keeps of them is what its `metrics.csv` still tells of.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

from sac.run import storage
from sac.run.folder import RunFolder
from sac.run.metrics_table import read_metrics
from sac.untrusted.file import Unreadable


class HistoryFiles:
    """Two rows for each evaluation.

    `success_history.csv` holds step and success (success_once), so equal runs write equal files. `times.csv` holds step
    and the seconds that training had taken; clocks are never compared. The seconds between the last evaluation and the
    moment at which a run stopped or died are not counted.

    Args:
        folder: where they lie.
        append: continue them after the last evaluation in `metrics.csv`, instead of replacing them.
        clock: seconds, from any beginning.
    """

    SUCCESS = ("step", "success")
    TIMES = ("step", "seconds")

    def __init__(self, folder: RunFolder, *, append: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        evaluated = success_rows(folder.metrics) if append else []
        times = _times(folder.times, {row[0] for row in evaluated}) if append else []
        self._clock = clock
        self._begun = clock() - (float(times[-1][1]) if times else 0.0)
        _replace(folder.success_history, [self.SUCCESS, *evaluated])
        _replace(folder.times, [self.TIMES, *times])
        self._files = [path.open("a", newline="") for path in (folder.success_history, folder.times)]

    def write(self, step: int, success: float) -> None:
        """Append a row to each file and hand it to the operating system."""
        seconds = f"{self._clock() - self._begun:.3f}"
        for file, value in zip(self._files, (success, seconds), strict=True):
            csv.writer(file).writerow([step, value])
            file.flush()

    def __enter__(self) -> HistoryFiles:
        """The files are open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def success_rows(metrics: Path) -> list[tuple[str, str]]:
    """The rows of `success_history.csv`, without its header, of a run with these metrics.

    Raises:
        Unreadable: the metrics are damaged.
    """
    table = read_metrics(metrics).columns
    return [(str(int(step)), repr(value)) for step, value in zip(table["step"], table["success_once"], strict=True)]


def to_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as the files hold them."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _times(path: Path, steps: set[str]) -> list[tuple[str, str]]:
    """The rows of these steps; none where the file is missing or damaged, for a clock is no reason to stop."""
    try:
        table = read_metrics(path).columns
        rows = zip(table["step"], table["seconds"], strict=True)
    except (Unreadable, KeyError):
        return []
    return [(str(int(step)), f"{seconds:.3f}") for step, seconds in rows if str(int(step)) in steps]


def _replace(path: Path, rows: Iterable[Sequence[str]]) -> None:
    storage.write_atomically(path, to_csv(rows))
