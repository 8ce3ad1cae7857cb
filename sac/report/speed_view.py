"""What a page shows of speed: for each benchmark a picture of its ratio or of its trend, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sac.report.benches import BAD, Bench, BenchRow, Trend, meaning, short, told, trends

PICTURE_WIDTH = 200


@dataclass(frozen=True)
class SpeedBar:
    """A bar of a picture 16 high; `kind` is its class in the style sheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    opacity: float = 1.0


@dataclass(frozen=True)
class SpeedRow:
    """One benchmark: its name, its picture (empty where it wasn't run), and the same in words."""

    name: str
    bars: tuple[SpeedBar, ...]
    words: str
    bad: bool = False


@dataclass(frozen=True)
class SpeedView:
    """Ratios of the last comparison, and trends over all; no trends where there is one comparison alone."""

    last: Bench
    ratios: tuple[SpeedRow, ...]
    trends: tuple[SpeedRow, ...]
    meaning: str
    span: str


def make_speed_view(benches: Sequence[Bench]) -> SpeedView | None:
    """Draw comparisons, oldest first; None without any."""
    if not benches:
        return None
    last = benches[-1]
    ratios = [abs(math.log(ratio)) for row in last.rows for ratio in row.ratio or ()]
    reach = max([math.log1p(last.threshold) * 1.6, *ratios])
    rows = tuple(_ratio_row(row, last.threshold, reach) for row in last.rows)
    found = tuple(map(_trend_row, trends(benches))) if len(benches) > 1 else ()
    return SpeedView(last, rows, found, meaning(benches), f"{short(benches[0].head)} … {short(last.head)}")


def _ratio_row(row: BenchRow, threshold: float, reach: float) -> SpeedRow:
    bad, note = row.verdict in BAD, f" ({row.note})" if row.note else ""
    if row.ratio is None:
        return SpeedRow(row.name, (), f"{row.verdict}{note}", bad)
    low, middle, high = row.ratio
    words = f"{middle:.3f} ({low:.3f} to {high:.3f}), {row.verdict}{note}"
    return SpeedRow(row.name, _interval_bars(row.ratio, threshold, reach, bad), words, bad)


def _interval_bars(
    ratio: tuple[float, float, float], threshold: float, reach: float, bad: bool
) -> tuple[SpeedBar, ...]:
    """The interval on a logarithmic axis around 1, over the band of the threshold."""

    def place(value: float) -> float:
        return PICTURE_WIDTH / 2 * (1 + math.log(value) / (reach * 1.02))

    low, middle, high = map(place, ratio)
    left, right = place(1 / (1 + threshold)), place(1 + threshold)
    state = "s-first" if bad else "s-equal"
    return (
        SpeedBar("s-none", left, 0, right - left, 16, opacity=0.25),
        SpeedBar("s-none", PICTURE_WIDTH / 2 - 0.3, 0, 0.6, 16),
        SpeedBar(state, low, 6, max(high - low, 1), 4),
        SpeedBar(state, middle - 0.75, 2, 1.5, 12),
    )


def _trend_row(trend: Trend) -> SpeedRow:
    """A bar for each comparison, up from the middle where it was slower, down where it was faster."""
    known = [value for value in trend.values if value is not None] or [1.0]
    reach = max(0.1, *(abs(math.log(value)) for value in known)) * 1.05
    width = PICTURE_WIDTH / len(trend.values)
    bars = []
    for at, value in enumerate(trend.values):
        if value is not None:
            top, height = min(8.0, 8 - 8 * math.log(value) / reach), max(0.8, 8 * abs(math.log(value)) / reach)
            kind = "s-after" if value > 1 else "s-equal"
            bars.append(SpeedBar(kind, at * width + width * 0.1, top, width * 0.8, height))
    return SpeedRow(trend.name, tuple(bars), told(trend.values))
