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
        evaluated = _rows(folder.metrics, ("step", "success_once")) if append else []
        times = _kept(_rows(folder.times, self.TIMES), {row[0] for row in evaluated}) if append else []
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


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """These columns of a file, as they stand there; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    return [tuple(row.get(name) or "" for name in columns) for row in rows]


def _kept(rows: Iterable[tuple[str, ...]], steps: set[str]) -> list[tuple[str, ...]]:
    """The rows of these steps whose number is whole: a death may have torn the last."""
    return [row for row in rows if row[0] in steps and _is_number(row[1])]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _replace(path: Path, rows: Iterable[Sequence[str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    storage.write_atomically(path, buffer.getvalue().encode())
