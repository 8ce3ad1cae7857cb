"""Two ledgers as a strip: one row a channel, one cell an iteration or, where there are many, a range of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sac.ledger.channels import CHANNELS
from sac.ledger.comparison import LedgerComparison
from sac.ledger.file import Ledger, Line
from sac.ledger.headers import EVALUATION_FLAGS

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


def make_strip(a: Ledger, b: Ledger, comparison: LedgerComparison, columns: int = COLUMNS) -> Strip:
    """Lay two ledgers side by side, aligned by iteration."""
    left, right = ({line.iteration: line for line in ledger.lines} for ledger in (a, b))
    iterations = sorted(left.keys() | right.keys())
    per_cell = max(1, -(-len(iterations) // columns))
    rows = []
    for channel in _channels(a, b):
        blind = channel.startswith("eval.") and any(
            a.config.get(flag) != b.config.get(flag) for flag in EVALUATION_FLAGS
        )
        states = [
            "none" if blind else _state(channel, left.get(number), right.get(number), comparison)
            for number in iterations
        ]
        rows.append(StripRow(channel, _cells(states, per_cell), _words(iterations, states)))
    return Strip(tuple(iterations[::per_cell]), iterations[-1], per_cell, tuple(rows))


def _channels(a: Ledger, b: Ledger) -> list[str]:
    held = {channel for ledger in (a, b) for line in ledger.lines for channel in line.digests}
    return [channel for channel in CHANNELS if channel in held]


def _state(channel: str, left: Line | None, right: Line | None, comparison: LedgerComparison) -> State:
    """What one channel of one iteration shows, by the rules of `sac.ledger.comparison.compare`."""
    if left is None or right is None:
        return "none"
    one, other = left.digests.get(channel), right.digests.get(channel)
    if (one is None and other is None) or (channel.startswith("eval.") and (one is None or other is None)):
        return "none"
    if one == other:
        return "equal"
    first = comparison.first
    is_first = first is not None and (first.iteration, first.channel) == (left.iteration, channel)
    return "first" if is_first else "after"


def _cells(states: Sequence[State], per_cell: int) -> tuple[tuple[int, int, State], ...]:
    binned = [max(states[at : at + per_cell], key=ORDER.index) for at in range(0, len(states), per_cell)]
    runs: list[tuple[int, int, State]] = []
    for at, state in enumerate(binned):
        if runs and runs[-1][2] == state:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, state)
        else:
            runs.append((at, 1, state))
    return tuple(runs)


def _words(iterations: Sequence[int], states: Sequence[State]) -> str:
    """The row for those who read instead of looking."""
    compared = sum(state != "none" for state in states)
    if not compared:
        return "not compared"
    parted = [number for number, state in zip(iterations, states, strict=True) if state in ("first", "after")]
    if not parted:
        return f"equal in all {compared}"
    start = f"parts first at {parted[0]}" if "first" in states else f"differs from {parted[0]}"
    return f"{start}; in {len(parted)} of {compared}"
