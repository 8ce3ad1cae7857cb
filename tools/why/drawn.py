"""`python -m tools.why.drawn --half report --count 300`: what `sac why` answers about drawn programs, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.why.drawn.grammar import HALVES
from tests.why.drawn.measured import EXACT, measure
from tests.why.drawn.programs import Program


def main() -> None:
    """Print the table; programs that got no exact answer are printed as they come, and kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES, default="report", help="of the grammar's productions")
    parser.add_argument("--count", type=int, default=300, help="programs with a fault; half as many have none")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing: each draws other programs")
    parser.add_argument("--torch", action="store_true", help="draw programs that need torch too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to leave programs that went wrong")
    options = parser.parse_args()

    def show(program: Program, kind: str, said: str) -> None:
        print(
            "." if kind == EXACT else f"\n{kind}: {program}\n  said {said}\n  right {program.answer}",
            flush=True,
            end="" if kind == EXACT else "\n",
        )

    print(measure(options.half, options.count, options.torch, options.keep, show, options.seed))


if __name__ == "__main__":
    main()
