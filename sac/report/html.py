"""A report as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sac.report import benches
from sac.report.model import Curve, Entry, RunPair, RunReport, curves, entries, reproduce
from sac.report.prose import prose, words
from sac.report.runs import CURVES, ReportedRun
from sac.report.strip import MEANING, Strip, StripRow
from sac.report.style import CSS
from sac.report.svg import limits, plot, strip_row
from sac.report.why_html import section

_TONE = {"diverged": "diverged", "equal": "equal"}
_WORD = {"diverged": "They part", "equal": "Equal", "other seeds": "Other seeds", "not comparable": "Not comparable"}
_CURVE_NAMES = {"success_once": "Success at least once in an episode", "return": "Return of an episode"}


def page(report: RunReport) -> str:
    """The whole file."""
    title = escape(report.headline)
    if not report.runs and not report.answers:
        return benches.page(report.benches)
    answers = [section(answer, number) for number, answer in enumerate(report.answers, start=1)]
    # Where there are runs too, their verdict is read first.
    verdict, *rest = _about_runs(report) if report.runs else ["", benches.section(report.benches)]
    parts = [verdict, *answers, *rest]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{CSS}</style></head>\n<body><main>\n"
        f"<header><h1>Run report</h1>{_subject(report.runs)}</header>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _subject(runs: Sequence[ReportedRun]) -> str:
    names = ", ".join(escape(run.label) for run in runs)
    return f"<p>{escape(str(runs[0].config.get('env_id', 'unknown task')))} · {names}</p>" if runs else ""


def _about_runs(report: RunReport) -> list[str]:
    shown = [_verdict(report), *map(_comparison, report.pairs), _curves(report), _facts(report.runs)]
    return [*shown, benches.section(report.benches), _again(report)]


def _verdict(report: RunReport) -> str:
    tone = _TONE.get(report.outcome, "open")
    details = "".join(f"<dt>{escape(name.capitalize())}</dt><dd>{prose(text)}</dd>" for name, text in report.details)
    return (
        f'<section class="verdict {tone}" aria-label="Verdict">'
        f'<p class="word">{_WORD.get(report.outcome, "One run")}</p>'
        f'<p class="head">{escape(report.headline)}</p><dl>{details}</dl></section>'
    )


def _comparison(pair: RunPair) -> str:
    """The strip of one pair, or why there is none."""
    head = f"<section><h2>Ledgers of {escape(pair.title)}</h2>"
    if pair.strip is None:
        return f'{head}<p class="soft">Not comparable: {prose(pair.reason)}</p></section>'
    notes = pair.comparison.notes if pair.comparison else ()
    told = "".join(f'<p class="soft">Note: {prose(note)}</p>' for note in notes)
    shown = f"{_scope(pair.strip)}{told}{_legend()}{_strip_table(pair.strip)}"
    if pair.outcome == "other seeds":
        shown = f"<details><summary>Channel by channel: nearly all must differ</summary>{shown}</details>"
    return f"{head}{shown}</section>"


def _scope(strip: Strip) -> str:
    each = "one cell an iteration" if strip.per_cell == 1 else f"one cell for each {strip.per_cell} ledger lines"
    return (
        '<p class="soft">What each stage of training produced, in the order in which data flows; iterations '
        f"{strip.iterations[0]} to {strip.last}, {each}.</p>"
    )


def _legend() -> str:
    tops = {"equal": (6.5, 3), "first": (0, 16), "after": (3, 10), "none": (7.75, 0.5)}
    items = "".join(
        f'<li><svg viewBox="0 0 30 16" aria-hidden="true"><rect class="s-{state}" width="30" y="{tops[state][0]}" '
        f'height="{tops[state][1]}"/></svg>{words}</li>'
        for state, words in MEANING.items()
    )
    return f'<ul class="legend">{items}</ul>'


def _strip_table(strip: Strip) -> str:
    rows = "".join(_strip_line(row, strip) for row in strip.rows)
    axis = f'<div class="axis"><span>{strip.iterations[0]}</span><span>iteration {strip.last}</span></div>'
    return (
        '<table class="strip"><thead><tr><th scope="col">channel</th><th scope="col">'
        f'{axis}</th><th scope="col">in words</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _strip_line(row: StripRow, strip: Strip) -> str:
    hit = ' class="hit"' if row.state == "first" else ""
    return (
        f'<tr{hit}><th scope="row" class="mono">{row.channel}</th><td class="bars">{strip_row(row, strip)}</td>'
        f"<td>{row.words}</td></tr>"
    )


def _curves(report: RunReport) -> str:
    figures = [_figure(column, curves(report.runs, column)) for column in CURVES]
    without = [run.label for run in report.runs if not run.metrics]
    told = f'<p class="soft">No evaluations in {escape(", ".join(without))}.</p>' if without else ""
    return f"<section><h2>What was learnt</h2>{told}{''.join(filter(None, figures))}</section>"


def _figure(column: str, lines: Sequence[Curve]) -> str:
    if not lines:
        return ""
    first, last, low, high = limits(lines, column)
    ticks = "".join(f"<span>{_number(value)}</span>" for value in (high, (low + high) / 2, low))
    legend = "".join(
        f'<li><svg viewBox="0 0 30 16" aria-hidden="true"><path class="line c{n % 6}" d="M0,8H30"/></svg>'
        f"{escape(line.label)}</li>"
        for n, line in enumerate(lines)
    )
    return (
        f"<figure><figcaption>{_CURVE_NAMES[column]}</figcaption>"
        f'<ul class="legend">{legend}</ul><div class="chart"><div class="y" aria-hidden="true">{ticks}</div>'
        f'{plot(lines, column)}<div class="axis" aria-hidden="true"><span>{_number(first)}</span>'
        f"<span>{_number(last)} env steps</span></div></div>{_numbers(lines)}</figure>"
    )


def _numbers(lines: Sequence[Curve], most: int = 60) -> str:
    """The same as a table."""
    rows = []
    for line in lines:
        stride = max(1, -(-len(line.points) // most))
        for step, middle, low, high in line.points[::stride]:
            span = f"{_number(low)} to {_number(high)}" if line.band else ""
            label = f"<td>{escape(line.label)}</td>" if len(lines) > 1 else ""
            rows.append(
                f'<tr>{label}<th scope="row">{_number(step)}</th><td>{_number(middle)}</td><td>{span}</td></tr>'
            )
    runs = '<th scope="col">runs</th>' if len(lines) > 1 else ""
    head = f'{runs}<th scope="col">env step</th><th scope="col">value</th><th scope="col">range</th>'
    return (
        "<details><summary>The numbers as a table</summary><div class=wide tabindex=0 role=region "
        f'aria-label="Numbers"><table class="numbers"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div></details>"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def _facts(runs: Sequence[ReportedRun]) -> str:
    """Fingerprint, versions and flags side by side: what differs first."""
    found = entries(runs)
    unlike = [entry for entry in found if entry.differs]
    alike = [entry for entry in found if not entry.differs]
    shown = "<p>Nothing: same arithmetic, same versions, same flags.</p>" if len(runs) > 1 else ""
    if unlike:
        shown = _side_by_side(runs, unlike)
    title = "What differs in numerics, versions and flags" if len(runs) > 1 else "Numerics, versions and flags"
    rows = "".join(
        f'<tr><th scope="row">{escape(entry.name)}</th><td class="mono">{escape(entry.values[0])}</td></tr>'
        for entry in alike
    )
    table = f'<table class="facts"><tbody>{rows}</tbody></table>'
    same = f"The {len(alike)} entries that are the same in all" if len(runs) > 1 else f"All {len(alike)} entries"
    rest = f"<details><summary>{same}</summary>{table}</details>" if alike else ""
    return f"<section><h2>{title}</h2>{shown}{rest}</section>"


def _side_by_side(runs: Sequence[ReportedRun], unlike: Iterable[Entry]) -> str:
    head = "".join(f'<th scope="col">{escape(run.label)}</th>' for run in runs)
    rows = []
    for entry in unlike:
        cells = "".join(
            f'<td class="mono" data-run="{escape(run.label)}"><mark>{escape(value)}</mark></td>'
            for run, value in zip(runs, entry.values, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(entry.name)}</th>{cells}</tr>')
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Entries that differ"><table class="facts"><thead><tr>'
        f'<th scope="col">entry</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _again(report: RunReport) -> str:
    steps = "".join(f"<h3>To {escape(what)}</h3><pre>{words(command)}</pre>" for what, command in reproduce(report))
    revision = next((str(run.header["git_revision"]) for run in report.runs if run.header.get("git_revision")), "")
    told = f"<p>Made at revision <code>{escape(revision)}</code>.</p>" if revision else ""
    return f"<section><h2>How to reproduce</h2>{told}{steps}</section>"
