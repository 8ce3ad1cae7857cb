"""Reads `metrics.csv` as a table of numbers."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from sac.untrusted.file import Unreadable, read_bytes

MOST_BYTES = 256 * 2**20
"""Length of a file that is accepted: a million evaluations have about 150 MB."""
_LONGEST_CELL = 64


@dataclass(frozen=True)
class MetricsTable:
    """A table of numbers.

    Attributes:
        columns: name -> one number for each row, NaN where a cell is empty.
        torn: whether the last row is unfinished, as a killed run leaves it; it is left out.
    """

    columns: dict[str, list[float]]
    torn: bool


def read_metrics(path: Path) -> MetricsTable:
    """Return what the file holds.

    Raises:
        Unreadable: the file is missing, or a row is malformed; the message names it.
    """
    data = read_bytes(path, MOST_BYTES)
    whole = data[: data.rfind(b"\n") + 1]
    try:
        text = whole.decode("ascii")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"is no table of numbers ({error})", path) from error
    if not rows:
        raise Unreadable("holds no line with the names of its columns", path)
    names = rows[0]
    if "step" not in names or len(set(names)) != len(names):
        raise Unreadable("its first line does not name columns, 'step' among them", path)
    table: dict[str, list[float]] = {name: [] for name in names}
    before = -math.inf
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise Unreadable(f"line {number}: {len(row)} cells, expected {len(names)}", path)
        for name, cell in zip(names, row, strict=True):
            table[name].append(_number(cell, number, path))
        step = table["step"][-1]
        if not step > before:
            raise Unreadable(f"line {number}: step {step:g} after {before:g}, expected one beyond", path)
        before = step
    return MetricsTable(table, len(whole) < len(data))


def _number(cell: str, line: int, path: Path) -> float:
    if not cell:
        return math.nan
    try:
        value = float(cell) if len(cell) <= _LONGEST_CELL and "_" not in cell else math.inf
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise Unreadable(f"line {line}: expected a finite number, found {cell[:_LONGEST_CELL]!r}", path)
    return value
