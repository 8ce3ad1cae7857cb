"""Two ledgers as a strip: one row a channel, one cell an iteration or, where there are many, a range of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sac.ledger.channels import CHANNELS
from sac.ledger.comparison import LedgerComparison
from sac.ledger.headers import EVALUATION_FLAGS
from sac.ledger.line import Line

State = Literal["none", "equal", "after", "first"]
ORDER: tuple[State, ...] = ("none", "equal", "after", "first")
"""From weak to strong: a cell that covers several iterations shows the strongest."""

MEANING: Mapping[State, str] = {
    "equal": "equal",
    "first": "parts here first",
    "after": "differs afterwards",
    "none": "not compared",
}

COLUMNS = 160
"""Most cells in a row: a page must stay small however long the runs were."""


@dataclass(frozen=True)
class StripRow:
    """One channel: runs of equal cells (first cell, number, state), and the same in words."""

    channel: str
    cells: tuple[tuple[int, int, State], ...]
    words: str

    @property
    def state(self) -> State:
        """The strongest state in the row."""
        return max((state for _, _, state in self.cells), key=ORDER.index)


@dataclass(frozen=True)
class Strip:
    """All channels that either ledger holds; `iterations` are the first ones of the cells, and `last` ends them."""

    iterations: tuple[int, ...]
    last: int
    per_cell: int
    rows: tuple[StripRow, ...]


class StripBuilder:
    """Lays two ledgers side by side as their lines pass by; what it holds does not grow with them.

    Args:
        a: the first run's flags.
        b: the second's.
        columns: most cells in a row; where there are more iterations, a cell covers 2, 4, 8 … of them.
    """

    def __init__(self, a: Mapping[str, Any], b: Mapping[str, Any], columns: int = COLUMNS) -> None:
        self._columns = columns
        self._blind = any(a.get(flag) != b.get(flag) for flag in EVALUATION_FLAGS)
        self._per_cell, self._count, self._last = 1, 0, 0
        self._starts: list[int] = []
        self._rows = {channel: _Row() for channel in CHANNELS}

    def add(self, left: Line | None, right: Line | None) -> None:
        """Take the lines of one iteration, None where a ledger has none."""
        self._last = next(line.iteration for line in (left, right) if line is not None)
        if self._count % self._per_cell == 0:
            self._begin_cell()
        self._count += 1
        for channel, row in self._rows.items():
            row.add(self._state(channel, left, right), self._last, _holds(left, channel) or _holds(right, channel))

    def _begin_cell(self) -> None:
        if len(self._starts) == self._columns:
            self._per_cell *= 2
            self._starts = self._starts[::2]
            for row in self._rows.values():
                row.halve()
        # The last cell may have room left after the cells were joined.
        if self._count % self._per_cell == 0:
            self._starts.append(self._last)
            for row in self._rows.values():
                row.cells.append("none")

    def _state(self, channel: str, left: Line | None, right: Line | None) -> State:
        """What one channel of one iteration shows, by the rules of `sac.ledger.comparison.compare`."""
        if left is None or right is None or (self._blind and channel.startswith("eval.")):
            return "none"
        one, other = left.digests.get(channel), right.digests.get(channel)
        if (one is None and other is None) or (channel.startswith("eval.") and (one is None or other is None)):
            return "none"
        return "equal" if one == other else "after"

    def strip(self, comparison: LedgerComparison) -> Strip:
        """Return what was laid; the comparison tells which difference is the first."""
        first = comparison.first
        rows = []
        for channel, row in self._rows.items():
            if row.is_held:
                place = bisect_right(self._starts, first.iteration) - 1 if first and first.channel == channel else None
                rows.append(StripRow(channel, row.runs(place), row.words(place is not None)))
        return Strip(tuple(self._starts), self._last, self._per_cell, tuple(rows))


@dataclass
class _Row:
    """One channel, as far as it was seen."""

    cells: list[State] = field(default_factory=list)
    is_held: bool = False
    compared: int = 0
    parted: int = 0
    first_parted: int = 0

    def add(self, state: State, iteration: int, held: bool) -> None:
        self.is_held = self.is_held or held
        self.cells[-1] = max(self.cells[-1], state, key=ORDER.index)
        self.compared += state != "none"
        if state == "after":
            self.first_parted = self.first_parted if self.parted else iteration
            self.parted += 1

    def halve(self) -> None:
        """Join cells in pairs."""
        self.cells = [max(self.cells[at : at + 2], key=ORDER.index) for at in range(0, len(self.cells), 2)]

    def runs(self, first: int | None) -> tuple[tuple[int, int, State], ...]:
        """Runs of equal cells (first cell, number, state); `first` is the cell of the first difference of all."""
        states: list[State] = ["first" if at == first else state for at, state in enumerate(self.cells)]
        runs: list[tuple[int, int, State]] = []
        for at, state in enumerate(states):
            if runs and runs[-1][2] == state:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1, state)
            else:
                runs.append((at, 1, state))
        return tuple(runs)

    def words(self, is_first: bool) -> str:
        """The row for those who read instead of looking."""
        if not self.compared:
            return "not compared"
        if not self.parted:
            return f"equal in all {self.compared}"
        start = f"{'parts first at' if is_first else 'differs from'} {self.first_parted}"
        return f"{start}; in {self.parted} of {self.compared}"


def _holds(line: Line | None, channel: str) -> bool:
    return line is not None and channel in line.digests
