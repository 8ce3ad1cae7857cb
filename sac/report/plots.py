"""The geometry of curves: what a page stretches to its width, and what stands in a picture of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from sac.display.axes import Axis, span_axis, value_axis
from sac.report.learning import Curve, Point, SeedLine

T = TypeVar("T")
By = Literal["steps", "time"]
"""What runs along the horizontal axis: env steps, or wall time."""

WIDTH, HEIGHT = 1000.0, 240.0
MOST_POINTS = 200
"""Most points of a curve: no screen shows more."""
MOST_SEED_POINTS = 6_000
"""Most points of all thin lines of a picture: 300 runs of 20 evaluations."""
FEWEST_SEED_POINTS = 20
"""Points that a thin line keeps; where that is still too many, some runs have no line."""
MOST_DOTS = 40
"""A longer curve is drawn without dots."""


@dataclass(frozen=True)
class Frame:
    """Where a picture's curves lie, in its own units, and what its axes show."""

    x: Axis
    y: Axis
    left: float = 0.0
    top: float = 0.0
    width: float = WIDTH
    height: float = HEIGHT

    def place(self, x: float, y: float) -> str:
        """A point as SVG has it."""
        return f"{self.left + self.x.place(x) * self.width:.1f},{self.top + (1 - self.y.place(y)) * self.height:.1f}"


@dataclass(frozen=True)
class PlotLine:
    """One experiment as SVG draws it: paths of the curve, its dots, its interval, and its runs; "" for none."""

    label: str
    kind: str
    curve: str
    dots: str
    band: str
    seeds: str


@dataclass(frozen=True)
class Clock:
    """A unit of time in which a picture's numbers stay small."""

    name: str
    seconds: float


def clock_of(curves: Sequence[Curve]) -> Clock:
    """Choose the unit by the longest run."""
    longest = max((at for curve in curves for at in _seconds(curve) if not math.isnan(at)), default=0.0)
    if longest < 300:
        return Clock("seconds", 1.0)
    return Clock("minutes", 60.0) if longest < 3 * 3600 else Clock("hours", 3600.0)


def _seconds(curve: Curve) -> Iterable[float]:
    yield from (point.seconds for point in curve.points)
    yield from (seconds for line in curve.lines for _, seconds, _ in line.points)


def in_units(curves: Sequence[Curve], by: By, clock: Clock) -> list[Curve]:
    """The same curves with what the horizontal axis shows as their `step`; what has no place on it is left out."""
    if by == "steps":
        return list(curves)
    return [
        replace(curve, points=_clocked(curve.points, clock), lines=_clocked_lines(curve, clock)) for curve in curves
    ]


def _clocked(points: Sequence[Point], clock: Clock) -> tuple[Point, ...]:
    known = (point for point in points if not math.isnan(point.seconds))
    return tuple(replace(point, step=point.seconds / clock.seconds) for point in known)


def _clocked_lines(curve: Curve, clock: Clock) -> tuple[SeedLine, ...]:
    return tuple(
        replace(
            line,
            points=tuple((at / clock.seconds, at, value) for _, at, value in line.points if not math.isnan(at)),
        )
        for line in curve.lines
    )


def thinned(curves: Sequence[Curve]) -> tuple[list[Curve], str]:
    """Leave out what a picture can do without; also says what, empty where nothing was."""
    notes = []
    longest = max((len(curve.points) for curve in curves), default=0)
    if longest > MOST_POINTS:
        notes.append(f"the curves show {MOST_POINTS} of {longest:,} evaluations at most")
    kept = [replace(curve, points=_spread(curve.points, MOST_POINTS), lines=_kept_lines(curve)) for curve in curves]
    lines = sum(len(curve.lines) for curve in kept)
    if _seed_points(kept) > MOST_SEED_POINTS:
        most = max(FEWEST_SEED_POINTS, MOST_SEED_POINTS // lines)
        kept = [_with_shorter_lines(curve, most) for curve in kept]
        stride = -(-_seed_points(kept) // MOST_SEED_POINTS)
        kept = [replace(curve, lines=curve.lines[::stride]) for curve in kept]
        shown = sum(len(curve.lines) for curve in kept)
        notes.append(f"the thin lines show {shown:,} of {lines:,} runs, at {most:,} evaluations at most")
    return kept, "; ".join(notes)


def _kept_lines(curve: Curve) -> tuple[SeedLine, ...]:
    """The runs' lines of a curve in colour: of one in grey they would be lost among the others'."""
    return curve.lines if curve.in_colour else ()


def _with_shorter_lines(curve: Curve, most: int) -> Curve:
    return replace(curve, lines=tuple(replace(line, points=_spread(line.points, most)) for line in curve.lines))


def _seed_points(curves: Iterable[Curve]) -> int:
    return sum(len(line.points) for curve in curves for line in curve.lines)


def _spread(points: Sequence[T], most: int) -> tuple[T, ...]:
    """At most so many, evenly chosen, the first and the last among them."""
    if len(points) <= most:
        return tuple(points)
    return tuple(points[round(number * (len(points) - 1) / (most - 1))] for number in range(most))


def frame_of(curves: Sequence[Curve], is_rate: bool, frame: Callable[[Axis, Axis], Frame] = Frame) -> Frame:
    """The frame in which all that is drawn has a place; `frame` makes it of both axes."""
    x = [point.step for curve in curves for point in curve.points]
    x += [step for curve in curves for line in curve.lines for step, _, _ in line.points]
    y = [value for curve in curves for point in curve.points for value in _ends(point)]
    y += [value for curve in curves for line in curve.lines for _, _, value in line.points]
    return frame(span_axis(x), value_axis(y, is_rate))


def _ends(point: Point) -> tuple[float, float]:
    """Both ends of a point's interval: itself where it has none."""
    return (point.mean, point.mean) if math.isnan(point.low) else (point.low, point.high)


def draw_all(curves: Iterable[Curve], frame: Frame) -> tuple[PlotLine, ...]:
    """Lay curves into a frame, grey ones first: they lie below what has a colour."""
    return tuple(draw(curve, frame) for curve in sorted(curves, key=lambda curve: curve.in_colour))


def draw(curve: Curve, frame: Frame) -> PlotLine:
    """Lay one curve into a frame."""
    middle = [frame.place(point.step, point.mean) for point in curve.points]
    # A line of no length with round ends stays a round dot however the picture is stretched.
    dots = "".join(f"M{place}h0" for place in middle) if len(middle) <= MOST_DOTS and curve.in_colour else ""
    seeds = (_path(frame.place(step, value) for step, _, value in line.points) for line in curve.lines)
    kind = f"c{curve.kind}" if curve.in_colour else "rest"
    return PlotLine(curve.name, kind, _path(middle), dots, _band(curve, frame), "".join(seeds))


def _band(curve: Curve, frame: Frame) -> str:
    if not (curve.has_interval and curve.in_colour):
        return ""
    edge = [frame.place(point.step, _ends(point)[1]) for point in curve.points]
    edge += [frame.place(point.step, _ends(point)[0]) for point in reversed(curve.points)]
    return f"{_path(edge)}Z"


def _path(places: Iterable[str]) -> str:
    """A path through places; of one place alone a line of no length, so that it can be seen."""
    found = list(places)
    if len(found) == 1:
        return f"M{found[0]}h0"
    return f"M{'L'.join(found)}" if found else ""
