"""`metrics.csv`: results of the evaluations, and of the training episodes between them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

import torch

from sac.rollout.episodes import take_means
from sac.state import EpisodeSums, MetricsState
from sac.untrusted.checksum import Extent, RunningChecksum, read_checksum


class MetricsFile:
    """`metrics.csv`: one row for each evaluation; no times in it, so equal runs write equal files.

    Columns: step; mean over the evaluation's episodes of success_once, success_at_end and return; the same as moving
    averages over the last evaluations; means over the training episodes since the row before; the losses and the
    temperature of the last gradient step before the evaluation, empty before the first; and the number of evaluation
    episodes.

    Args:
        path: the file.
        state: the last evaluations; its length is the window of the moving averages.
        append: continue the file instead of replacing it, with the columns that it has: an older release may have
            begun it.
    """

    SHOWN = ("success_once", "success_at_end", "return")
    LOSSES = ("qf_loss", "actor_loss", "alpha_loss", "alpha")
    COLUMNS = (
        "step",
        *SHOWN,
        *(f"{name}_avg" for name in SHOWN),
        *(f"train_{name}" for name in SHOWN),
        "train_episodes",
        *LOSSES,
        "eval_episodes",
    )

    def __init__(self, path: Path, state: MetricsState | None = None, *, append: bool = False) -> None:
        self.state = new_metrics() if state is None else state
        self._columns = (_columns_of(path) if append else []) or self.COLUMNS
        self._file = path.open("ab" if append else "wb")
        self._checksum = read_checksum(path, 0) if append else RunningChecksum()
        if not append:
            self._put(self.COLUMNS)

    def write(
        self,
        step: int,
        evaluation: Mapping[str, float],
        episodes: int,
        training: EpisodeSums,
        losses: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Append one row and hand it to the operating system.

        Args:
            step: env step of the evaluation.
            evaluation: means over its episodes.
            episodes: how many those are.
            training: sums over the training episodes since the row before; they restart at zero.
            losses: those of `LOSSES` that are known.
        """
        shown = [evaluation[name] for name in self.SHOWN]
        averages = zip(self.SHOWN, self._moving_averages(shown), strict=True)
        row: dict[str, float] = {"step": step, **dict(zip(self.SHOWN, shown, strict=True))}
        row |= {f"{name}_avg": value for name, value in averages}
        row["train_episodes"], train = training.count, take_means(training)
        row |= {f"train_{name}": train[name] for name in self.SHOWN if train}
        row |= {name: losses[name] for name in self.LOSSES if name in losses}
        row["eval_episodes"] = episodes
        self._put([row.get(name, "") for name in self._columns])

    def sync(self) -> Extent:
        """Wait until all rows are on disk; return the file's length in bytes, and its checksum."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._checksum.extent

    def _put(self, row: Sequence[object]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(row)
        data = line.getvalue().encode()
        self._file.write(data)
        self._file.flush()
        self._checksum.add(data)

    def _moving_averages(self, row: list[float]) -> list[float]:
        recent, state = self.state.recent, self.state
        recent[state.evaluations % len(recent)] = torch.tensor(row, dtype=torch.float64)
        state.evaluations += 1
        first = max(0, state.evaluations - len(recent))
        rows = [recent[number % len(recent)].tolist() for number in range(first, state.evaluations)]
        return [sum(column) / len(column) for column in zip(*rows, strict=True)]

    def __enter__(self) -> MetricsFile:
        """The file is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()


def _columns_of(path: Path) -> list[str]:
    """The columns that a file has, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return next(csv.reader(file), [])


def new_metrics(window: int = 5) -> MetricsState:
    """Return the state of moving averages over `window` evaluations, before the first."""
    return MetricsState.zeros(window, len(MetricsFile.SHOWN))
