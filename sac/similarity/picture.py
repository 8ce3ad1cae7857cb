"""The picture of two runs that part: an SVG that is legible on light and dark grounds, and in print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import escape

from sac.display.visible import one_line
from sac.similarity.growth import GrowthRow

_WIDTH, _LEFT, _RIGHT = 760, 80, 20
_TOP, _HIGH, _GAP, _LOW = 76, 240, 84, 120
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c1f24}.ground{fill:#fff}.title{font-size:15px;font-weight:600}
.grid{stroke:#d9d6cf;stroke-width:1}.mark{stroke:#565d68;stroke-width:1.5;stroke-dasharray:2 3}
.line{fill:none;stroke-width:2.2}.a{stroke:#0b62a8}.b{stroke:#b3411a;stroke-dasharray:7 4}
@media (prefers-color-scheme:dark){text{fill:#e8e6e1}.ground{fill:#14161a}.grid{stroke:#363a43}.mark{stroke:#a9adb6}
.a{stroke:#7cb7f2}.b{stroke:#f29a70}}
@media print{text{fill:#000}.ground{fill:#fff}.grid{stroke:#ccc}.mark{stroke:#444}.a{stroke:#0b62a8}.b{stroke:#b3411a}}
"""

Value = Callable[[GrowthRow], float]


@dataclass(frozen=True)
class _Axes:
    """A panel: its place in pixels, and the ranges of iterations and of values (of their logarithms, if `log`)."""

    top: float
    height: float
    last: float
    low: float
    high: float
    log: bool

    def x(self, iteration: float) -> float:
        return _LEFT + iteration / self.last * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        place = math.log10(value) if self.log else value
        return self.top + self.height - (place - self.low) / (self.high - self.low) * self.height


def growth_picture(rows: Sequence[GrowthRow], title: str, changed_before: int) -> str:
    """Return an SVG: distances over iterations on a logarithmic axis, and success of both runs below.

    Distances of zero have no place on that axis, and are left out.

    Args:
        rows: at least one.
        title: what is shown.
        changed_before: the iteration before which one number was changed.
    """
    last = max(1, rows[-1].iteration)
    distances: list[Value] = [lambda row: row.parameters_relative, lambda row: row.action_mean]
    successes: list[Value] = [lambda row: row.success_once_a, lambda row: row.success_once_b]
    upper = _Axes(_TOP, _HIGH, last, *_decades(rows, distances), log=True)
    lower = _Axes(_TOP + _HIGH + _GAP, _LOW, last, 0.0, 1.0, log=False)
    height = lower.top + _LOW + 54
    parts = [
        *_panel(upper, [10.0**n for n in _ticks(upper)], "distance of A and B", changed_before),
        *_lines(upper, rows, distances, ("parameters: L2 / norm of A's", "actions: mean L2 of tanh(mean)")),
        *_panel(lower, [0.0, 0.5, 1.0], "success once", changed_before),
        *_lines(lower, rows, successes, ("A, as it is", "B, changed by one ULP")),
        _text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, height - 12, "iteration", "middle"),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img">'
    name = escape(one_line(title))
    heading = f'<text class="title" x="{_LEFT}" y="26">{name}</text>'
    return "\n".join(
        [head, f"<title>{name}</title>", f"<style>{_STYLE}</style>", _GROUND, heading, *parts, "</svg>", ""]
    )


_GROUND = '<rect class="ground" width="100%" height="100%"/>'


def _decades(rows: Sequence[GrowthRow], values: Sequence[Value]) -> tuple[float, float]:
    """The powers of ten between which all values lie; any where there are none."""
    found = [math.log10(value(row)) for row in rows for value in values if value(row) > 0]
    if not found:
        return -1.0, 0.0
    low = math.floor(min(found))
    return float(low), float(max(low + 1, math.ceil(max(found))))


def _ticks(axes: _Axes) -> range:
    low, high = int(axes.low), int(axes.high)
    return range(low, high + 1, max(1, (high - low) // 6))


def _panel(axes: _Axes, ticks: Sequence[float], label: str, changed_before: int) -> list[str]:
    """Grid, ticks, the name of the vertical axis, and the line at which one number was changed."""
    right, bottom = _WIDTH - _RIGHT, axes.top + axes.height
    parts = [_rule("grid", _LEFT, axes.y(tick), right, axes.y(tick)) for tick in ticks]
    parts += [_text(_LEFT - 8, axes.y(tick) + 4, f"{tick:.0e}" if axes.log else f"{tick:g}", "end") for tick in ticks]
    for iteration in sorted({round(axes.last * part / 4) for part in range(5)}):
        parts.append(_text(axes.x(iteration), bottom + 18, f"{iteration:,}", "middle"))
    at = axes.x(changed_before - 1)
    middle = axes.top + axes.height / 2
    turned = f'transform="rotate(-90 18 {middle:g})"'
    parts.append(f'<text x="18" y="{middle:g}" text-anchor="middle" {turned}>{escape(label)}</text>')
    return [*parts, _rule("mark", at, axes.top, at, bottom), _text(at + 5, axes.top + 14, "one ULP", "start")]


def _lines(axes: _Axes, rows: Sequence[GrowthRow], values: Sequence[Value], labels: Sequence[str]) -> list[str]:
    """Both curves and their legend; dashes tell them apart where colours don't."""
    parts = []
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        kind, x, y = "ab"[number], _LEFT + 250 * number, axes.top - 14
        drawn = [row for row in rows if math.isfinite(value(row)) and (value(row) > 0 or not axes.log)]
        points = " ".join(f"{axes.x(row.iteration):.1f},{axes.y(value(row)):.1f}" for row in drawn)
        parts.append(f'<polyline class="line {kind}" points="{points}"/>')
        parts += [_rule(f"line {kind}", x, y, x + 28, y), _text(x + 34, y + 4, label, "start")]
    return parts


def _rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
