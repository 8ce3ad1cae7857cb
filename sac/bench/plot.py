"""The result as a picture: one interval a benchmark, as SVG written out."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from sac.bench.compare import Report, Result
from sac.bench.judge import Interval, Verdict

WIDTH, LEFT, RIGHT, LINE, TOP = 820, 190, 190, 26, 46
_COLOURS = {Verdict.SLOWER: "#c62828", Verdict.COUNTERS: "#c62828", Verdict.INCONCLUSIVE: "#b26a00"}
_FASTER, _PLAIN, _GREY = "#2e7d32", "#1565c0", "#888888"


def svg(report: Report) -> str:
    """A line for each benchmark that was compared: ratio, interval, and the threshold as a band."""
    drawn = [(result, result.interval) for result in report.results if result.interval is not None]
    limit = 1 + report.wanted.threshold
    reach = max([math.log(limit) * 1.5, *(abs(math.log(x)) for _, i in drawn for x in (i.low, i.high))]) * 1.08
    height = TOP + LINE * max(1, len(drawn)) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="14">{escape(_title(report))}</text>',
        *_axes(limit, reach, height),
    ]
    for number, (result, found) in enumerate(drawn):
        parts += _line(result, found, TOP + LINE * number + LINE / 2, reach)
    return "\n".join([*parts, "</svg>", ""])


def _title(report: Report) -> str:
    return f"Time of {report.head.revision[:10]} over {report.base.revision[:10]}, with intervals; left is faster"


def _x(ratio: float, reach: float) -> float:
    """Horizontal place of a ratio on a logarithmic axis around 1."""
    span = WIDTH - LEFT - RIGHT
    return LEFT + span * (math.log(ratio) + reach) / (2 * reach)


def _axes(limit: float, reach: float, height: int) -> list[str]:
    bottom = height - 28
    low, high = _x(1 / limit, reach), _x(limit, reach)
    parts = [f'<rect x="{low:.1f}" y="{TOP}" width="{high - low:.1f}" height="{bottom - TOP}" fill="#eef3f8"/>']
    for ratio in (1 / limit, 1.0, limit):
        x = _x(ratio, reach)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{_GREY}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#444">{ratio:.2f}</text>')
    return parts


def _line(result: Result, found: Interval, y: float, reach: float) -> list[str]:
    colour = _FASTER if result.verdict is Verdict.FASTER else _COLOURS.get(result.verdict, _PLAIN)
    low, middle, high = (_x(ratio, reach) for ratio in (found.low, found.ratio, found.high))
    said = f"{found.ratio:.3f} {result.verdict.value}"
    return [
        f'<text x="12" y="{y + 4:.1f}">{escape(result.name)}</text>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="3"/>',
        f'<circle cx="{middle:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}" font-size="11" fill="{colour}">{escape(said)}</text>',
    ]
