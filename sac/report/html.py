"""A report as one HTML page that needs nothing else: no network, no script. Templates escape what they are given."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sac.display.html import finalize
from sac.report.benches import headline
from sac.report.exports import link, runs_csv
from sac.report.figures import learnt_figures, loss_figures
from sac.report.model import MOST_COLUMNS, RunReport, entries, reproduce
from sac.report.runs import CURVES
from sac.report.speed_view import PICTURE_WIDTH, make_speed_view
from sac.report.strip import MEANING
from sac.report.strip_bars import BARS, strip_bars
from sac.report.tips import amount

TEMPLATES = Path(__file__).with_name("templates")
_TONES = {"diverged": "diverged", "equal": "equal", "experiments": "plain"}
_WORDS = {
    "diverged": "They part",
    "equal": "Equal",
    "experiments": "What was learnt",
    "not comparable": "Not comparable",
    "nothing proved": "Nothing proved",
}


def page(report: RunReport) -> str:
    """Return the whole file."""
    speed = make_speed_view(report.benches)
    if speed is not None and not report.runs and not report.answers:
        return _render("speed_alone.html", title=headline(report.benches), tone=speed.last.tone, speed_view=speed)
    revisions = (str(run.header["git_revision"]) for run in report.runs if run.header.get("git_revision"))
    return _render(
        "report.html",
        title=report.headline,
        report=report,
        **(_learnt(report) if report.runs else {}),
        entries=entries(report.runs),
        speed_view=speed,
        steps=reproduce(report) if report.runs else [],
        revision=next(revisions, ""),
    )


def _learnt(report: RunReport) -> dict[str, Any]:
    """What the section about learning needs."""
    table, left_out = runs_csv(report.learning.experiments)
    return {
        "figures": learnt_figures(report.learning),
        "losses": loss_figures(report.learning),
        "without_metrics": [run.label for run in report.runs if not run.metrics],
        "runs_csv": link(table, "text/csv"),
        "runs_csv_note": left_out,
    }


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
    environment.filters.update(number=amount, g=_coordinate, percent=_percent)
    environment.globals.update(
        bars=BARS,
        columns=CURVES,
        link_names=("known case", "docs"),
        meaning=MEANING,
        most_columns=MOST_COLUMNS,
        outcome_words=_WORDS,
        picture_width=PICTURE_WIDTH,
        strip_bars=strip_bars,
        tones=_TONES,
    )
    return environment


def _coordinate(value: float) -> str:
    """Return a coordinate of a picture; nobody sees more than two decimals."""
    return f"{round(value, 2):g}"


def _percent(share: float) -> str:
    """Return a part of 1 as CSS has it."""
    return f"{100 * share:.2f}%"
