"""The shapes of the page's pictures. They stretch to the width they are given; all lettering stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sac.report.model import Curve
from sac.report.strip import State, Strip, StripRow

BARS: dict[State, tuple[float, float]] = {"first": (0, 16), "after": (3, 10), "equal": (6.5, 3), "none": (7.75, 0.5)}
"""State -> top and height of its bar in a row 16 high: the shape tells as much as the colour."""

WIDTH, HEIGHT = 1000, 240
MOST_DOTS = 40
"""A longer curve is drawn without dots."""


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


@dataclass(frozen=True)
class PlotLine:
    """One curve as SVG draws it: `points` of the line, of the band's edge, and the path of the dots; "" for none."""

    label: str
    kind: int
    points: str
    band: str
    dots: str


@dataclass(frozen=True)
class Plot:
    """Curves over env steps: the ranges of the axes, and the lines within `width` times `height`."""

    first: float
    last: float
    low: float
    high: float
    lines: tuple[PlotLine, ...]
    width: int = WIDTH
    height: int = HEIGHT


def make_plot(curves: Sequence[Curve], column: str) -> Plot:
    """Draw curves over env steps, bands behind them; a rate's axis always runs from 0 to 1.

    Args:
        curves: at least one.
        column: what they show; its name tells whether it is a rate.
    """
    points = [point for curve in curves for point in curve.points]
    steps = [point[0] for point in points] or [0.0]
    low = min((point[2] for point in points), default=0.0)
    high = max((point[3] for point in points), default=1.0)
    if column.startswith("success"):
        low, high = 0.0, 1.0
    elif high == low:
        low, high = low - 0.5, high + 0.5
    axes = min(steps), max(max(steps), min(steps) + 1), low, high
    return Plot(*axes, tuple(_line(curve, number % 6, *axes) for number, curve in enumerate(curves)))


def _line(curve: Curve, kind: int, first: float, last: float, low: float, high: float) -> PlotLine:
    def place(step: float, value: float) -> str:
        x = (step - first) / (last - first) * WIDTH
        y = HEIGHT - (value - low) / (high - low) * HEIGHT
        return f"{x:.1f},{y:.1f}"

    edge = []
    if curve.band:
        edge = [place(step, top) for step, _, _, top in curve.points]
        edge += [place(step, bottom) for step, _, bottom, _ in reversed(curve.points)]
    middle = [place(step, value) for step, value, _, _ in curve.points]
    # A line of no length with round ends stays a round dot however the picture is stretched.
    dots = [f"M{point}h0" for point in middle] if len(middle) <= MOST_DOTS else []
    return PlotLine(curve.label, kind, " ".join(middle), " ".join(edge), "".join(dots))
