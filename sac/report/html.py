"""A report as one HTML page that needs nothing else: no network, no script. Templates escape what they are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sac.display.html import finalize
from sac.report.benches import headline
from sac.report.model import Curve, RunReport, curves, entries, reproduce
from sac.report.pictures import BARS, Plot, make_plot, strip_bars
from sac.report.runs import CURVES
from sac.report.speed_view import PICTURE_WIDTH, make_speed_view
from sac.report.strip import MEANING

TEMPLATES = Path(__file__).with_name("templates")
_TONES = {"diverged": "diverged", "equal": "equal"}
_WORDS = {
    "diverged": "They part",
    "equal": "Equal",
    "other seeds": "Other seeds",
    "not comparable": "Not comparable",
    "nothing proved": "Nothing proved",
}
_CURVE_NAMES = {"success_once": "Success at least once in an episode", "return": "Return of an episode"}


@dataclass(frozen=True)
class Figure:
    """One picture of curves, with its title and the numbers that it shows."""

    title: str
    plot: Plot
    curves: list[Curve]


def page(report: RunReport) -> str:
    """Return the whole file."""
    speed = make_speed_view(report.benches)
    if speed is not None and not report.runs and not report.answers:
        return _render("speed_alone.html", title=headline(report.benches), tone=speed.last.tone, speed_view=speed)
    drawn = [(column, curves(report.runs, column)) for column in CURVES]
    revisions = (str(run.header["git_revision"]) for run in report.runs if run.header.get("git_revision"))
    return _render(
        "report.html",
        title=report.headline,
        report=report,
        figures=[Figure(_CURVE_NAMES[name], make_plot(lines, name), lines) for name, lines in drawn if lines],
        without_metrics=[run.label for run in report.runs if not run.metrics],
        entries=entries(report.runs),
        speed_view=speed,
        steps=reproduce(report) if report.runs else [],
        revision=next(revisions, ""),
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, g=_coordinate)
    environment.globals.update(
        bars=BARS,
        link_names=("known case", "docs"),
        meaning=MEANING,
        outcome_words=_WORDS,
        picture_width=PICTURE_WIDTH,
        strip_bars=strip_bars,
        tones=_TONES,
    )
    return environment


def _number(value: float) -> str:
    """Return a number for people."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def _coordinate(value: float) -> str:
    """Return a coordinate of a picture; nobody sees more than two decimals."""
    return f"{round(value, 2):g}"
