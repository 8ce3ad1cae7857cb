"""A picture of curves that stands alone: an SVG for papers and slides, with its lettering inside."""

from __future__ import annotations

from collections.abc import Sequence

from sac.display import chart
from sac.display.axes import Axis
from sac.report.learning import Curve
from sac.report.plots import Frame, PlotLine, draw_all, frame_of
from sac.report.tips import amount

_LEFT, _RIGHT, _TOP, _HIGH = 74, 24, 44, 280
_ROW = 20
"""Height of a line of the legend."""
_STYLE = """
.curve{fill:none;stroke-width:2.2;stroke-linejoin:round}.dots{fill:none;stroke-width:6;stroke-linecap:round}
.seeds{fill:none;stroke-width:1;opacity:.4}.band{stroke:none;opacity:.2}.curve.rest{stroke-width:1;stroke:#9b978e}
.dots,.seeds{stroke-dasharray:none!important}
"""
_DASHES = ("", "9 5", "3 4", "12 4 3 4", "6 3", "2 3")


def picture(curves: Sequence[Curve], title: str, unit: str, is_rate: bool) -> str:
    """Return an SVG.

    Args:
        curves: at least one.
        title: what the vertical axis shows.
        unit: of the horizontal axis.
        is_rate: whether values lie between 0 and 1.
    """
    named = [curve for curve in curves if curve.in_colour]
    top = _TOP + _ROW * len(named) + 14

    def place(x: Axis, y: Axis) -> Frame:
        return Frame(x, y, _LEFT, top, chart.WIDTH - _LEFT - _RIGHT, _HIGH)

    frame = frame_of(curves, is_rate, place)
    body = [*_grid(frame, unit), *(shape for line in draw_all(curves, frame) for shape in _shapes(line))]
    body += [part for row, curve in enumerate(named) for part in _legend(curve, row)]
    return chart.document(title, body, top + _HIGH + 58, _STYLE + _colours())


def _grid(frame: Frame, unit: str) -> list[str]:
    right, bottom = frame.left + frame.width, frame.top + frame.height
    parts = []
    for tick in frame.y.ticks:
        y = frame.top + (1 - frame.y.place(tick)) * frame.height
        parts += [chart.rule("grid", frame.left, y, right, y), chart.text(frame.left - 8, y + 4, amount(tick), "end")]
    for tick in frame.x.ticks:
        x = frame.left + frame.x.place(tick) * frame.width
        parts += [chart.rule("grid", x, bottom, x, bottom + 5), chart.text(x, bottom + 20, amount(tick), "middle")]
    return [*parts, chart.text((frame.left + right) / 2, bottom + 44, unit, "middle")]


def _shapes(line: PlotLine) -> list[str]:
    """What is drawn of a curve, the faintest first."""
    drawn = (("band", line.band), ("seeds", line.seeds), ("curve", line.curve), ("dots", line.dots))
    return [f'<path class="{shape} {line.kind}" d="{path}"/>' for shape, path in drawn if path]


def _legend(curve: Curve, row: int) -> list[str]:
    y = _TOP + _ROW * row
    words = f"{curve.name}, {curve.runs} runs" if curve.runs > 1 else curve.name
    return [f'<path class="curve c{curve.kind}" d="M{_LEFT},{y}h28"/>', chart.text(_LEFT + 36, y + 4, words, "start")]


def _colours() -> str:
    light, dark = (
        "".join(
            f".c{kind}{{stroke:{colour};stroke-dasharray:{dashes or 'none'}}}.band.c{kind}{{fill:{colour};stroke:none}}"
            for kind, (colour, dashes) in enumerate(zip(colours, _DASHES, strict=True))
        )
        for colours in (chart.LIGHT, chart.DARK)
    )
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}@media print{{{light}}}"
