"""The shapes of a ledger's picture. They stretch to the width they are given; all lettering stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

from sac.report.strip import State, Strip, StripRow

BARS: dict[State, tuple[float, float]] = {"first": (0, 16), "after": (3, 10), "equal": (6.5, 3), "none": (7.75, 0.5)}
"""State -> top and height of its bar in a row 16 high: the shape tells as much as the colour."""


@dataclass(frozen=True)
class StripBar:
    """A run of equal cells; x and width in cells, y and height in a row 16 high."""

    state: State
    x: float
    y: float
    width: float
    height: float


def strip_bars(row: StripRow, strip: Strip) -> list[StripBar]:
    """Return one channel's bars; the first divergence is drawn last, and never thinner than can be seen."""
    total = len(strip.iterations)
    bars = []
    for start, number, state in sorted(row.cells, key=lambda cell: cell[2] == "first"):
        top, height = BARS[state]
        width = max(number, total / 60) if state == "first" else number
        shown = min(start, total - width) if state == "first" else start
        bars.append(StripBar(state, shown, top, width, height))
    return bars
