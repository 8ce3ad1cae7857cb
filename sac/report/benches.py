"""Speed in a report: the comparisons that `sac bench compare --json` wrote, ratios side by side and over time."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sac.config import BadConfig
from sac.report.prose import cell
from sac.report.style import CSS

_WORDS = {0: "no slowdown", 1: "slowdown", 2: "not comparable", 4: "inconclusive"}
_TONES = {0: "equal", 1: "diverged"}
_BAD = ("slower", "counters rose", "fails", "missing")
_PICTURE = 200


@dataclass(frozen=True)
class BenchRow:
    """One benchmark of one comparison; `ratio` is head over base as (low, middle, high), None where it wasn't run."""

    name: str
    verdict: str
    ratio: tuple[float, float, float] | None
    seconds: tuple[float | None, float | None]
    note: str


@dataclass(frozen=True)
class Bench:
    """One comparison of two revisions."""

    path: Path
    base: str
    head: str
    exit_status: int
    threshold: float
    confidence: float
    rows: tuple[BenchRow, ...]

    @property
    def word(self) -> str:
        """The verdict."""
        return _WORDS.get(self.exit_status, f"status {self.exit_status}")

    @property
    def title(self) -> str:
        """Both revisions, short."""
        return f"{_short(self.head)} against {_short(self.base)}"


def _short(revision: str) -> str:
    return revision[:10] + "+changes" * revision.endswith("+changes")


def split(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Runs, and files of comparisons: those that end in .json and are no folder."""
    files = [path for path in paths if path.endswith(".json") and not Path(path).is_dir()]
    return [path for path in paths if path not in files], files


def read_benches(paths: Sequence[str]) -> tuple[Bench, ...]:
    """Read comparisons, in the order given.

    Raises:
        BadConfig: a file is missing or is something else.
    """
    return tuple(_read(Path(path)) for path in paths)


def _read(path: Path) -> Bench:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(_row(entry) for entry in document["results"])
        base, head = (str(document[side]["revision"]) for side in ("base", "head"))
        threshold, confidence = float(document["threshold"]), float(document["confidence"])
        return Bench(path, base, head, int(document["exit_status"]), threshold, confidence, rows)
    except OSError as error:
        raise BadConfig(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadConfig(
            f"{path}: is no file of `sac bench compare --json` ({type(error).__name__}: {error})"
        ) from error


def _row(entry: Mapping[str, Any]) -> BenchRow:
    found, ratio = entry["interval"], None
    if found is not None:
        ratio = (float(found["low"]), float(found["ratio"]), float(found["high"]))
        if not all(math.isfinite(value) and value > 0 for value in ratio):
            raise ValueError(f"{entry['name']}: a ratio that is no positive number")
    seconds = (entry.get("base_seconds"), entry.get("head_seconds"))
    return BenchRow(str(entry["name"]), str(entry["verdict"]), ratio, seconds, str(entry.get("note") or ""))


@dataclass(frozen=True)
class Trend:
    """One benchmark over several comparisons: the time in units of the first base's; a gap is None."""

    name: str
    values: tuple[float | None, ...]


def is_chain(benches: Sequence[Bench]) -> bool:
    """Whether each comparison begins where the one before it ended, so that their ratios can be multiplied."""
    return all(
        before.head == after.base and not before.head.endswith("+changes")
        for before, after in itertools.pairwise(benches)
    )


def trends(benches: Sequence[Bench]) -> list[Trend]:
    """Each benchmark over the comparisons; ratios are multiplied along a chain of revisions, else stand alone."""
    names = dict.fromkeys(row.name for bench in benches for row in bench.rows if row.ratio)
    return [Trend(name, _values(name, benches, is_chain(benches))) for name in names]


def _values(name: str, benches: Sequence[Bench], chain: bool) -> tuple[float | None, ...]:
    values: list[float | None] = []
    product: float | None = 1.0
    for bench in benches:
        ratio = next((row.ratio[1] for row in bench.rows if row.name == name and row.ratio), None)
        # Behind a gap a chain is broken: what came before is not known.
        product = product * ratio if product is not None and ratio is not None else None
        values.append(product if chain else ratio)
    return tuple(values)


def headline(benches: Sequence[Bench]) -> str:
    """The verdict on the last comparison."""
    last = benches[-1]
    bad = [row.name for row in last.rows if row.verdict in _BAD]
    told = f": {', '.join(bad)}" if bad else ""
    return f"Benchmarks: {last.word}, {last.title}{told}"


def page(benches: Sequence[Bench]) -> str:
    """A page about speed alone."""
    tone = _TONES.get(benches[-1].exit_status, "open")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(headline(benches))}</title><style>{CSS}</style></head>\n<body><main>\n"
        f'<header><h1>Benchmark report</h1></header>\n<section class="verdict {tone}" aria-label="Verdict">'
        f'<p class="word">{escape(benches[-1].word)}</p><p class="head">{escape(headline(benches))}</p></section>\n'
        f"{section(benches)}\n</main></body></html>\n"
    )


def document(benches: Sequence[Bench]) -> str:
    """Markdown about speed alone."""
    return f"## {headline(benches)}\n\n{markdown(benches)}\n"


def section(benches: Sequence[Bench]) -> str:
    """The part of a page about speed; empty without comparisons."""
    if not benches:
        return ""
    return f"<section><h2>Speed</h2>{_ratios(benches[-1])}{_trend(benches)}</section>"


def _ratios(bench: Bench) -> str:
    reach = max([math.log1p(bench.threshold) * 1.6, *(abs(math.log(x)) for row in bench.rows for x in row.ratio or ())])
    rows = "".join(_ratio_line(row, bench.threshold, reach) for row in bench.rows)
    return (
        f'<p class="soft">Time of a call, {escape(bench.title)}, both revisions run in turns: below 1 is faster. The '
        f"band is the threshold of {bench.threshold:.0%}, the bar an interval of {bench.confidence:.0%}.</p>"
        '<table class="strip speed"><thead><tr><th scope="col">benchmark</th><th scope="col">head / base</th>'
        f'<th scope="col">in words</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _ratio_line(row: BenchRow, threshold: float, reach: float) -> str:
    hit = ' class="hit"' if row.verdict in _BAD else ""
    note = f" ({row.note})" if row.note else ""
    if row.ratio is None:
        picture, words = "", f"{row.verdict}{note}"
    else:
        low, middle, high = row.ratio
        picture = _bar(row, threshold, reach)
        words = f"{middle:.3f} ({low:.3f} to {high:.3f}), {row.verdict}{note}"
    return (
        f'<tr{hit}><th scope="row">{escape(row.name)}</th><td class="bars">{picture}</td><td>{escape(words)}</td></tr>'
    )


def _bar(row: BenchRow, threshold: float, reach: float) -> str:
    """The interval on a logarithmic axis around 1, over the band of the threshold."""
    assert row.ratio

    def place(value: float) -> float:
        return _PICTURE / 2 * (1 + math.log(value) / (reach * 1.02))

    low, middle, high = map(place, row.ratio)
    band = place(1 / (1 + threshold)), place(1 + threshold)
    state = "s-first" if row.verdict in _BAD else "s-equal"
    return (
        f'<svg class="row" viewBox="0 0 {_PICTURE} 16" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="s-none" opacity=".25" x="{band[0]:.1f}" y="0" width="{band[1] - band[0]:.1f}" height="16"/>'
        f'<rect class="s-none" x="{_PICTURE / 2 - 0.3:.1f}" y="0" width="0.6" height="16"/>'
        f'<rect class="{state}" x="{low:.1f}" y="6" width="{max(high - low, 1):.1f}" height="4"/>'
        f'<rect class="{state}" x="{middle - 0.75:.2f}" y="2" width="1.5" height="12"/></svg>'
    )


def _trend(benches: Sequence[Bench]) -> str:
    found = trends(benches)
    if len(benches) < 2 or not found:
        return ""
    lines = "".join(_trend_line(trend) for trend in found)
    return (
        f'<h3>Trend</h3><p class="soft">{_meaning(benches)}</p><table class="strip speed"><thead><tr>'
        f'<th scope="col">benchmark</th><th scope="col">{escape(_short(benches[0].head))} … '
        f'{escape(_short(benches[-1].head))}</th><th scope="col">each</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _meaning(benches: Sequence[Bench]) -> str:
    if is_chain(benches):
        return f"{len(benches)} comparisons in a row: the time in units of the first base, {_short(benches[0].base)}."
    return f"{len(benches)} comparisons, in the order given; each one by itself: their revisions do not link up."


def _trend_line(trend: Trend) -> str:
    known = [value for value in trend.values if value is not None] or [1.0]
    reach = max(0.1, *(abs(math.log(value)) for value in known)) * 1.05
    width = _PICTURE / len(trend.values)
    marks = "".join(
        f'<rect class="s-{"after" if value > 1 else "equal"}" x="{at * width + width * 0.1:.1f}" '
        f'y="{min(8.0, 8 - 8 * math.log(value) / reach):.1f}" width="{width * 0.8:.1f}" '
        f'height="{max(0.8, 8 * abs(math.log(value)) / reach):.1f}"/>'
        for at, value in enumerate(trend.values)
        if value is not None
    )
    picture = (
        f'<svg class="row" viewBox="0 0 {_PICTURE} 16" preserveAspectRatio="none" aria-hidden="true">{marks}</svg>'
    )
    return (
        f'<tr><th scope="row">{escape(trend.name)}</th><td class="bars">{picture}</td>'
        f"<td>{_told(trend.values)}</td></tr>"
    )


def _told(values: Sequence[float | None], most: int = 6) -> str:
    shown = " ".join("?" if value is None else f"{value:.2f}" for value in values[-most:])
    return f"… {shown}" if len(values) > most else shown


def markdown(benches: Sequence[Bench]) -> str:
    """The same as Markdown; empty without comparisons."""
    if not benches:
        return ""
    last = benches[-1]
    lines = [f"### Speed: {last.word}, {last.title} (threshold {last.threshold:.0%})", ""]
    lines += ["| benchmark | head / base | interval | verdict |", "|---|---|---|---|"]
    for row in last.rows:
        low, middle, high = row.ratio or (math.nan,) * 3
        numbers = f"{middle:.3f} | {low:.3f} to {high:.3f}" if row.ratio else " | "
        lines.append(f"| {cell(row.name)} | {numbers} | {cell(row.verdict + (f': {row.note}' * bool(row.note)))} |")
    if len(benches) > 1 and (found := trends(benches)):
        lines += ["", _meaning(benches), "", "| benchmark | trend |", "|---|---|"]
        lines += [f"| {cell(trend.name)} | {_told(trend.values, 12)} |" for trend in found]
    return "\n".join(lines)
