"""The pictures of a page, with what is told of each: numbers under the pointer, tables, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sac.report.exports import curves_csv, link
from sac.report.learning import Curve, Learning
from sac.report.picture import picture
from sac.report.plots import By, Frame, PlotLine, clock_of, draw_all, frame_of, in_units, thinned
from sac.report.runs import CURVES, LOSSES
from sac.report.tips import Tip, tips_of

TITLES = {
    "success_once": "Success at least once in an episode",
    "return": "Return of an episode",
    "qf_loss": "Loss of the critics",
    "actor_loss": "Loss of the actor",
    "alpha_loss": "Loss of the temperature",
    "alpha": "Temperature",
}


@dataclass(frozen=True)
class View:
    """A figure over one horizontal axis; `svg` is the address of a picture that stands alone."""

    by: By
    unit: str
    frame: Frame
    lines: tuple[PlotLine, ...]
    tips: tuple[Tip, ...]
    svg: str


@dataclass(frozen=True)
class Figure:
    """One column of metrics.csv.

    Attributes:
        name: of the column.
        title: what it shows.
        curves: as they are drawn over env steps; those of experiments without a colour come last.
        views: over env steps, and over wall time where that is known.
        csv: the address of all means and intervals.
        note: what was left out to keep the picture small, in words.
    """

    name: str
    title: str
    curves: tuple[Curve, ...]
    views: tuple[View, ...]
    csv: str
    note: str

    @property
    def named(self) -> list[Curve]:
        """The curves in colour."""
        return [curve for curve in self.curves if curve.in_colour]


def figures_of(learning: Learning, columns: Sequence[str]) -> list[Figure]:
    """Draw those of the columns that were recorded."""
    return [_figure(name, learning.curves[name], learning.clocked) for name in columns if name in learning.curves]


def learnt_figures(learning: Learning) -> list[Figure]:
    """What evaluations found."""
    return figures_of(learning, CURVES)


def loss_figures(learning: Learning) -> list[Figure]:
    """What the gradient steps told."""
    return figures_of(learning, LOSSES)


def _figure(name: str, curves: Sequence[Curve], clocked: bool) -> Figure:
    shown, note = thinned(curves)
    views = [_view(name, shown, "steps"), *([_view(name, shown, "time")] if clocked else [])]
    return Figure(name, TITLES[name], tuple(shown), tuple(views), link(curves_csv(shown), "text/csv"), note)


def _view(name: str, curves: Sequence[Curve], by: By) -> View:
    clock, is_rate = clock_of(curves), name.startswith("success")
    unit = "env steps" if by == "steps" else f"{clock.name} of wall time"
    laid = in_units(curves, by, clock)
    frame = frame_of(laid, is_rate)
    svg = link(picture(laid, f"{TITLES[name]}{_reading(laid)}", unit, is_rate), "image/svg+xml")
    return View(by, unit, frame, draw_all(laid, frame), tuple(tips_of(laid, frame, unit)), svg)


def _reading(curves: Sequence[Curve]) -> str:
    return ": mean over seeds, its 95 % interval, each seed" if any(curve.has_interval for curve in curves) else ""
