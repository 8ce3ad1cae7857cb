"""`python -m tools.why.table`: runs `sac why` on the corpus, prints the table of docs/why.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.why.corpus.declared import CORPUS, Planted
from tests.why.test_corpus import answer_of


def row(planted: Planted) -> str:
    """Run one script and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        _, answer = answer_of(planted, Path(folder))
    first = answer["first"] or {}
    findings = [one for one in answer["audit"] if planted.warning and one["kind"] == planted.warning]
    found = first.get("cause") or (f"equal; warning {findings[0]['kind']}" if findings else "equal")
    line = first.get("line") or (findings[0]["line"] if findings else 0)
    wanted = planted.cause or (f"equal; warning {planted.warning}" if planted.warning else "equal")
    right = found == wanted and line == planted.line
    how = " ".join((*planted.options, *planted.arguments))
    cells = (f"`{planted.script}`", how, wanted, planted.line or "", found, line or "", "yes" if right else "NO")
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table."""
    print("| script | options | planted | line | found | line | right |")
    print("|---|---|---|---|---|---|---|")
    for planted in CORPUS:
        print(row(planted), flush=True)


if __name__ == "__main__":
    main()
