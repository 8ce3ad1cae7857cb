"""The picture of two runs that part: an SVG that is legible on light and dark grounds, and in print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sac.display import chart
from sac.display.axes import Axis, span_axis
from sac.similarity.growth import GrowthRow

_LEFT, _RIGHT = 84, 24
_TOP, _HIGH, _GAP, _LOW = 92, 240, 88, 120
_STYLE = f"""
.curve{{fill:none;stroke-width:2.2}}.dots{{fill:none;stroke-width:6;stroke-linecap:round}}
.a{{stroke:{chart.LIGHT[0]}}}.b{{stroke:{chart.LIGHT[1]}}}.curve.b{{stroke-dasharray:7 4}}
@media (prefers-color-scheme:dark){{.a{{stroke:{chart.DARK[0]}}}.b{{stroke:{chart.DARK[1]}}}}}
@media print{{.a{{stroke:{chart.LIGHT[0]}}}.b{{stroke:{chart.LIGHT[1]}}}}}
"""

Value = Callable[[GrowthRow], float]


@dataclass(frozen=True)
class _Panel:
    """A panel: its place in pixels, its axes, and whether its values are logarithms."""

    top: float
    height: float
    iterations: Axis
    values: Axis
    log: bool

    def x(self, iteration: float) -> float:
        return _LEFT + self.iterations.place(iteration) * (chart.WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self.top + (1 - self.values.place(math.log10(value) if self.log else value)) * self.height


def growth_picture(rows: Sequence[GrowthRow], title: str, changed_before: int) -> str:
    """Return an SVG: distances over iterations on a logarithmic axis, and success of both runs below.

    Distances of zero have no place on that axis, and are left out; the picture says so.

    Args:
        rows: at least one.
        title: what is shown.
        changed_before: the iteration before which one number was changed.
    """
    iterations = span_axis([0.0, float(rows[-1].iteration)])
    distances: list[Value] = [lambda row: row.parameters_relative, lambda row: row.action_mean]
    successes: list[Value] = [lambda row: row.success_once_a, lambda row: row.success_once_b]
    upper = _Panel(_TOP, _HIGH, iterations, _decades(rows, distances), log=True)
    lower = _Panel(_TOP + _HIGH + _GAP, _LOW, iterations, Axis(0.0, 1.0, (0.0, 0.5, 1.0)), log=False)
    equal = any(value(row) == 0 for row in rows for value in distances)
    parts = [
        *_grid(upper, "distance of A and B", changed_before),
        *_lines(upper, rows, distances, ("parameters: L2 of A - B / L2 of A", "actions: mean L2 of tanh(mean)")),
        *_grid(lower, "success once", changed_before),
        *_lines(lower, rows, successes, ("A, as it is", "B, changed by one ULP")),
        chart.text((_LEFT + chart.WIDTH - _RIGHT) / 2, lower.top + _LOW + 42, "iteration", "middle"),
    ]
    words = "Each dot is an evaluation." + (" No dot: the distance is 0." if equal else "")
    return chart.document(title, [chart.text(20, 50, words, "start"), *parts], lower.top + _LOW + 56, _STYLE)


def _decades(rows: Sequence[GrowthRow], values: Sequence[Value]) -> Axis:
    """The powers of ten between which all values lie; any where there are none."""
    found = [math.log10(value(row)) for row in rows for value in values if 0 < value(row) < math.inf]
    low = math.floor(min(found)) if found else -1
    high = max(low + 1, math.ceil(max(found))) if found else 0
    return Axis(float(low), float(high), tuple(map(float, range(low, high + 1, max(1, -(-(high - low) // 8))))))


def _grid(panel: _Panel, label: str, changed_before: int) -> list[str]:
    """Grid, ticks, the name of the vertical axis, and the line at which one number was changed."""
    right, bottom = chart.WIDTH - _RIGHT, panel.top + panel.height
    parts = []
    for tick in panel.values.ticks:
        y = panel.top + (1 - panel.values.place(tick)) * panel.height
        words = f"1e{tick:+03.0f}" if panel.log else f"{tick:g}"
        parts += [chart.rule("grid", _LEFT, y, right, y), chart.text(_LEFT - 8, y + 4, words, "end")]
    for iteration in panel.iterations.ticks:
        x = panel.x(iteration)
        parts += [chart.rule("grid", x, bottom, x, bottom + 5)]
        parts += [chart.text(x, bottom + 20, f"{iteration:,.0f}", "middle")] if iteration.is_integer() else []
    at, middle = panel.x(changed_before - 1), panel.top + panel.height / 2
    turned = f'<g transform="rotate(-90 18 {middle:g})">{chart.text(18, middle, label, "middle")}</g>'
    mark = [chart.rule("mark", at, panel.top, at, bottom), chart.text(at + 5, panel.top + 16, "one ULP", "start")]
    return [*parts, turned, *mark]


def _lines(panel: _Panel, rows: Sequence[GrowthRow], values: Sequence[Value], labels: Sequence[str]) -> list[str]:
    """Both curves and their legend; dashes tell them apart where colours don't."""
    parts = []
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        kind, x, y = "ab"[number], _LEFT + 270 * number, panel.top - 16
        drawn = [row for row in rows if math.isfinite(value(row)) and (value(row) > 0 or not panel.log)]
        places = [f"{panel.x(row.iteration):.1f},{panel.y(value(row)):.1f}" for row in drawn]
        if places:
            parts.append(f'<path class="curve {kind}" d="M{"L".join(places)}"/>')
            parts.append(f'<path class="dots {kind}" d="{"".join(f"M{place}h0" for place in places)}"/>')
        parts.append(f'<path class="curve {kind}" d="M{x},{y:g}h28"/>')
        parts.append(chart.text(x + 34, y + 4, label, "start"))
    return parts
