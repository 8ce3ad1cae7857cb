"""Pictures as inline SVG. They stretch to the width they are given; all lettering stands beside them, in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from sac.report.model import Curve
from sac.report.strip import State, Strip, StripRow

_BAR: dict[State, tuple[float, float]] = {"first": (0, 16), "after": (3, 10), "equal": (6.5, 3), "none": (7.75, 0.5)}
"""State -> top and height of its bar in a row 16 high: the shape tells as much as the colour."""

_WIDTH, _HEIGHT = 1000, 240


def strip_row(row: StripRow, strip: Strip) -> str:
    """One channel's bars."""
    total = len(strip.iterations)
    bars = []
    # The first divergence is drawn last and never thinner than can be seen, however many cells there are.
    for start, number, state in sorted(row.cells, key=lambda cell: cell[2] == "first"):
        top, height = _BAR[state]
        width = max(number, total / 60) if state == "first" else number
        start_shown = min(start, total - width) if state == "first" else start
        bars.append(f'<rect class="s-{state}" x="{start_shown:g}" y="{top:g}" width="{width:g}" height="{height:g}"/>')
    return (
        f'<svg class="row" viewBox="0 0 {total} 16" preserveAspectRatio="none" aria-hidden="true">{"".join(bars)}</svg>'
    )


def limits(curves: Sequence[Curve], column: str) -> tuple[float, float, float, float]:
    """Range of steps and of values; a rate's axis always runs from 0 to 1."""
    points = [point for curve in curves for point in curve.points]
    steps = [point[0] for point in points] or [0.0]
    low = min((point[2] for point in points), default=0.0)
    high = max((point[3] for point in points), default=1.0)
    if column.startswith("success"):
        low, high = 0.0, 1.0
    elif high == low:
        low, high = low - 0.5, high + 0.5
    return min(steps), max(max(steps), min(steps) + 1), low, high


def plot(curves: Sequence[Curve], column: str) -> str:
    """Curves over env steps, bands behind them."""
    first, last, low, high = limits(curves, column)

    def place(step: float, value: float) -> str:
        x = (step - first) / (last - first) * _WIDTH
        y = _HEIGHT - (value - low) / (high - low) * _HEIGHT
        return f"{x:.1f},{y:.1f}"

    grid = "".join(f'<path class="grid" d="M0,{y} H{_WIDTH}"/>' for y in (0, _HEIGHT // 2, _HEIGHT))
    shapes = []
    for number, curve in enumerate(curves):
        kind = number % 6
        if curve.band and curve.points:
            edge = [place(step, top) for step, _, _, top in curve.points]
            edge += [place(step, bottom) for step, _, bottom, _ in reversed(curve.points)]
            shapes.append(f'<polygon class="band c{kind}" points="{" ".join(edge)}"/>')
        line = " ".join(place(step, middle) for step, middle, _, _ in curve.points)
        shapes.append(f'<polyline class="line c{kind}" points="{line}"/>')
        if len(curve.points) <= 40:
            # A line of no length with round ends stays a round dot however the picture is stretched.
            dots = "".join(f"M{place(step, middle)}h0" for step, middle, _, _ in curve.points)
            shapes.append(f'<path class="dots c{kind}" d="{dots}"/>')
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{grid}{''.join(shapes)}</svg>"
    )
