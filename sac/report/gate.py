"""Why a gate failed: the one verdict, of all that its failures printed, that a reader should see first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sac.display.markdown import code, text
from sac.report.html import page
from sac.report.markdown import document, verdict_lines
from sac.report.model import make_report
from sac.report.runs import read_runs
from sac.report.verdict_text import VerdictText, find_verdicts


@dataclass(frozen=True)
class GateFailure:
    """A failed test: its name, all that it printed, and the ledgers that parted where it knows them."""

    test: str
    text: str
    ledgers: tuple[Path, ...] = ()

    @property
    def verdict(self) -> VerdictText | None:
        """Where its runs part, if it is about that."""
        found = find_verdicts(self.text)
        return found[0] if found else None


def most_telling(failures: Sequence[GateFailure]) -> GateFailure | None:
    """The failure that explains most of the others.

    A cause that is not merely a difference between two commands goes before one that is, then the place at which most
    failures part; a failure whose ledgers are at hand goes before one without.
    """
    parted = [failure for failure in failures if failure.verdict]
    places = Counter(_place(failure) for failure in parted)

    def weight(failure: GateFailure) -> tuple[bool, int, bool]:
        verdict = failure.verdict
        return bool(verdict and verdict.explained), places[_place(failure)], bool(failure.ledgers)

    return max(parted, key=weight, default=None)


def _place(failure: GateFailure) -> tuple[int, str]:
    verdict = failure.verdict
    return (verdict.iteration, verdict.channel) if verdict else (-1, "")


def summary(failures: Sequence[GateFailure], passed: int) -> str:
    """What the gate found, as Markdown: where, likely cause, and how much in the first three lines."""
    if not failures:
        return f"## The determinism gate holds: {passed} tests passed\n"
    telling = most_telling(failures)
    tests = [f"### Failed tests ({len(failures)}; {passed} passed)", "", *(_test_line(failure) for failure in failures)]
    if telling is None or telling.verdict is None:
        head = ["## The determinism gate failed, though no two runs were seen to part"]
        head += [
            f"- **First failure:** {code(failures[0].test)}",
            f"- **It says:** {text(_last_line(failures[0].text))}",
        ]
        return "\n".join([*head, "", *tests]) + "\n"
    verdict = telling.verdict
    names = ("likely cause", "how much", "next", "inputs", "possibly earlier within the iteration")
    details = [(name, verdict.detail(name)) for name in names if verdict.detail(name)]
    head = [verdict_lines(f"The determinism gate failed: runs {verdict.headline}", details)]
    return "\n".join([*head, f"- **Seen in:** {code(telling.test)}", "", *tests, "", _strips(telling)]).rstrip() + "\n"


def _test_line(failure: GateFailure) -> str:
    where = (
        f"parts at iteration {failure.verdict.iteration}, {code(failure.verdict.channel)}" if failure.verdict else ""
    )
    return f"- {code(failure.test)}: {where or text(_last_line(failure.text))}"


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.startswith("E ")] or text.splitlines()
    return (lines[0] if lines else "nothing")[:200]


def _strips(failure: GateFailure) -> str:
    """The Markdown report of the runs that parted, below its verdict, which has been told."""
    if not all(path.exists() for path in failure.ledgers) or not failure.ledgers:
        return ""
    whole = document(make_report(read_runs(failure.ledgers), all_equal=True))
    return whole[whole.index("\n\n") + 2 :]


def write_page(failures: Sequence[GateFailure], path: Path) -> bool:
    """Write the HTML report of the most telling failure, if its ledgers are still there."""
    telling = most_telling(failures)
    if telling is None or not telling.ledgers or not all(ledger.exists() for ledger in telling.ledgers):
        return False
    path.write_text(page(make_report(read_runs(telling.ledgers), all_equal=True)), encoding="utf-8")
    return True
