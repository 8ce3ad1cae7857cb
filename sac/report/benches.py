"""Speed in a report: the comparisons that `sac bench compare --json` wrote, ratios side by side and over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.config import BadConfig
from sac.display.markdown import cell, text
from sac.untrusted.fields import number
from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import read_object
from sac.untrusted.seal import require_sealed

_WORDS = {0: "no slowdown", 1: "slowdown", 2: "not comparable", 4: "inconclusive"}
BAD = ("slower", "counters rose", "fails", "missing")
"""Verdicts that stop a change."""
_TONES = {0: "equal", 1: "diverged"}


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
    def tone(self) -> str:
        """Class of the verdict in the style sheet."""
        return _TONES.get(self.exit_status, "open")

    @property
    def title(self) -> str:
        """Both revisions, short."""
        return f"{short(self.head)} against {short(self.base)}"


def short(revision: str) -> str:
    """Return a revision in ten characters, and whether its tree was changed."""
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
        document = read_object(path)
        rows = tuple(_row(entry) for entry in document["results"])
        base, head = (str(document[side]["revision"]) for side in ("base", "head"))
        threshold, confidence = number(document["threshold"]), number(document["confidence"])
        found = Bench(path, base, head, int(document["exit_status"]), threshold, confidence, rows)
        require_sealed(document, path)
        return found
    except Unreadable as error:
        raise BadConfig(f"{path}: is no file of `sac bench compare --json`: {error.reason}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
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
    bad = [row.name for row in last.rows if row.verdict in BAD]
    told = f": {', '.join(bad)}" if bad else ""
    return f"Benchmarks: {last.word}, {last.title}{told}"


def document(benches: Sequence[Bench]) -> str:
    """Markdown about speed alone."""
    return f"## {text(headline(benches))}\n\n{markdown(benches)}\n"


def meaning(benches: Sequence[Bench]) -> str:
    """Say what a trend over these comparisons shows."""
    if is_chain(benches):
        return f"{len(benches)} comparisons in a row: the time in units of the first base, {short(benches[0].base)}."
    return f"{len(benches)} comparisons, in the order given; each one by itself: their revisions do not link up."


def told(values: Sequence[float | None], most: int = 6) -> str:
    """Return the last values in words."""
    shown = " ".join("?" if value is None else f"{value:.2f}" for value in values[-most:])
    return f"… {shown}" if len(values) > most else shown


def markdown(benches: Sequence[Bench]) -> str:
    """The same as Markdown; empty without comparisons."""
    if not benches:
        return ""
    last = benches[-1]
    lines = [f"### Speed: {last.word}, {text(last.title)} (threshold {last.threshold:.0%})", ""]
    lines += ["| benchmark | head / base | interval | verdict |", "|---|---|---|---|"]
    for row in last.rows:
        low, middle, high = row.ratio or (math.nan,) * 3
        numbers = f"{middle:.3f} | {low:.3f} to {high:.3f}" if row.ratio else " | "
        lines.append(f"| {cell(row.name)} | {numbers} | {cell(row.verdict + (f': {row.note}' * bool(row.note)))} |")
    if len(benches) > 1 and (found := trends(benches)):
        lines += ["", text(meaning(benches)), "", "| benchmark | trend |", "|---|---|"]
        lines += [f"| {cell(trend.name)} | {told(trend.values, 12)} |" for trend in found]
    return "\n".join(lines)
