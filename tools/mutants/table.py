"""`python -m tools.mutants.table RESULTS.json …`: write what `tools.mutants --output` found into docs/gate.md."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tools.mutants.tables import ROOMS
from tools.mutants.tree import ROOT

PAGE = ROOT / "docs" / "gate.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def read(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return name of a mutant -> its result; of two results the later one."""
    rows = [row for path in paths for row in json.loads(path.read_text())]
    return {row["mutant"]["name"]: row for row in rows}


def section(results: dict[str, dict[str, Any]]) -> str:
    """Return the tables: a line for each room, then one for each mutant."""
    lines = ["| room | mutants | caught | seconds, median | channel as expected |", "|---|---|---|---|---|"]
    for room in ROOMS:
        rows = [results[mutant.name] for mutant in room.mutants if mutant.name in results]
        if not rows:
            continue
        caught = sum(row["catch"]["stage"] not in ("", "goldens") for row in rows)
        looked = [row for row in rows if row["channel"] is not None]
        channel = f"{sum(row['as_expected'] for row in looked)} of {len(looked)}" if looked else "-"
        seconds = statistics.median(row["catch"]["seconds"] for row in rows)
        lines.append(f"| {room.name} | {len(rows)} | {caught} | {seconds:.0f} | {channel} |")
    lines += ["", "| room | fault | first channel | caught by | s |", "|---|---|---|---|---|"]
    for room in ROOMS:
        lines += [_line(room.name, results[mutant.name]) for mutant in room.mutants if mutant.name in results]
    return "\n".join(lines)


def _line(room: str, row: dict[str, Any]) -> str:
    mutant, catch = row["mutant"], row["catch"]
    test = catch["test"].removeprefix("tests/").replace("|", "\\|") if catch["stage"] else "**survived**"
    fault = f"{mutant['name']}: {mutant['fault']}"
    linked = f"[{fault}]({mutant['link']})" if mutant["link"] else fault
    # Of a parametrised test the name is enough.
    name = test.partition("[")[0]
    shown = f"`{mutant['channel']}`" if mutant["channel"] else "-"
    return f"| {room} | {linked} | {shown} | `{name}` | {catch['seconds']:.0f} |"


def main(arguments: Sequence[str]) -> int:
    """Write the page's section anew."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{section(read(map(Path, arguments)))}\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
