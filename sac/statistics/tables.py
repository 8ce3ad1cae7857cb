"""Tables with intervals, as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sac.display import markdown


@dataclass(frozen=True)
class Interval:
    """A value with its interval; NaN where none can be given."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """For people."""
        if math.isnan(self.low) or math.isnan(self.high):
            return number(self.value)
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"


Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """One table: a name for its file, a title, names of the columns, and rows of as many cells."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def number(value: float) -> str:
    """A number of three digits for people; empty for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def to_csv(table: Table) -> str:
    """All digits; an interval takes three columns."""
    spread = [any(isinstance(row[at], Interval) for row in table.rows) for at in range(len(table.columns))]
    head: list[str] = []
    for name, wide in zip(table.columns, spread, strict=True):
        head += [name, f"{name} low", f"{name} high"] if wide else [name]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(head)
    for row in table.rows:
        cells: list[object] = []
        for cell, wide in zip(row, spread, strict=True):
            cells += _spread(cell) if wide else [_blank(cell)]
        writer.writerow(cells)
    return buffer.getvalue()


def to_markdown(table: Table) -> str:
    """A heading and the table."""
    rows = [[markdown.cell(_shown(cell)) for cell in row] for row in table.rows]
    lines = [f"### {table.title}", "", _line(table.columns), "|---" * len(table.columns) + "|", *map(_line, rows)]
    return "\n".join(lines)


def to_latex(table: Table) -> str:
    """A table environment that needs no package."""
    rows = [" & ".join(_escaped(_shown(cell)) for cell in row) + r" \\" for row in table.rows]
    head = " & ".join(map(_escaped, table.columns)) + r" \\ \hline"
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(table.title)}}}", rf"\label{{tab:{table.name}}}"]
    lines += [rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", r"\hline", head, *rows, r"\hline"]
    return "\n".join([*lines, r"\end{tabular}", r"\end{table}"])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    return number(cell) if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _blank(cell: Cell) -> object:
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else cell


def _spread(cell: Cell) -> list[object]:
    if isinstance(cell, Interval):
        return [_blank(cell.value), _blank(cell.low), _blank(cell.high)]
    return [_blank(cell), "", ""]


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _escaped(text: str) -> str:
    """Text in which LaTeX takes no character for a command."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _LATEX.get(found[0], "\\" + found[0]), text)
