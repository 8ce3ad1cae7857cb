"""What a reader sees who points at a place of a picture: the numbers there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sac.report.learning import Curve, Point
from sac.report.plots import Frame
from sac.statistics.tables import Interval

MOST_TIPS = 60
"""Places of a picture that have numbers: more would be too narrow to point at."""


@dataclass(frozen=True)
class Tip:
    """A column of a picture, in percent of its width, and what it tells.

    Attributes:
        left: where it begins.
        width: how wide it is.
        head: where on the horizontal axis its numbers are.
        lines: for each curve in colour its class, its name and its value there.
    """

    left: float
    width: float
    head: str
    lines: tuple[tuple[str, str, str], ...]


def tips_of(curves: Sequence[Curve], frame: Frame, unit: str) -> list[Tip]:
    """Divide a picture among the places at which curves in colour have points."""
    told = [curve for curve in curves if curve.in_colour and curve.points]
    places = sorted({point.step for curve in told for point in curve.points})
    places = places[:: max(1, -(-len(places) // MOST_TIPS))]
    middles = [(one + other) / 2 for one, other in pairwise(places)]
    edges = [frame.x.low, *middles, frame.x.high]
    return [_tip(told, frame, unit, place, edges[at : at + 2]) for at, place in enumerate(places)]


def _tip(curves: Sequence[Curve], frame: Frame, unit: str, place: float, edges: Sequence[float]) -> Tip:
    left, right = (100 * frame.x.place(edge) for edge in edges)
    found = ((curve, _last_before(curve.points, place)) for curve in curves)
    lines = tuple((f"c{curve.kind}", curve.name, _words(point)) for curve, point in found if point is not None)
    return Tip(left, right - left, f"{amount(place)} {unit}", lines)


def _last_before(points: Sequence[Point], place: float) -> Point | None:
    """The last point up to a place; none before the curve begins, nor where it has ended."""
    if place > points[-1].step:
        return None
    return max((point for point in points if point.step <= place), key=lambda point: point.step, default=None)


def _words(point: Point) -> str:
    return str(Interval(point.mean, point.low, point.high))


def amount(value: float) -> str:
    """A number on an axis: its digits grouped, no more than it needs."""
    whole = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if whole and abs(value) < 1e12 else f"{value:.3g}"
