"""Compares two ledgers and finds the first channel, in the order of execution, that differs.

Lines are aligned by iteration, not by position: the runs may have written them at different cadences, and one may be
shorter. What only one run was asked to record is no difference: lines beyond the other's end, evaluations at other
steps. Such ledgers are "equal as far as both go", and the text says so. Ledgers in which nothing means the same are not
compared at all: equality would mean nothing. However long the ledgers are, two lines of each are in memory, and nothing
is read beyond the first difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sac.display.visible import one_line
from sac.errors import UserError
from sac.ledger.alignment import align
from sac.ledger.channels import CHANNELS
from sac.ledger.coverage import compared, missing_notes
from sac.ledger.difference import differing_channels, make_divergence, value_differences
from sac.ledger.divergence import LedgerDivergence
from sac.ledger.file import LedgerSource
from sac.ledger.headers import EVALUATION_FLAGS, HeaderDifferences, header_differences
from sac.ledger.line import Line
from sac.ledger.outside import outside_channel

T = TypeVar("T")


class NotComparable(UserError, ValueError):
    """Two ledgers can't be compared; the message says why."""


@dataclass(frozen=True)
class LedgerComparison:
    """What the comparison of two ledgers showed.

    Attributes:
        compared_iterations: lines that were compared: all that both hold, or those up to the first difference.
        first: the first difference; None if there is none.
        notes: how far the comparison reaches, in words.
        complete: whether everything in either ledger was compared with the other.
        held: lines of the longer ledger, as far as it was read.
        covered: what of `coverage.REQUIRED` was compared.
    """

    compared_iterations: int
    first: LedgerDivergence | None
    notes: tuple[str, ...] = ()
    complete: bool = True
    held: int = 0
    covered: frozenset[str] = frozenset()

    @property
    def equal(self) -> bool:
        """Whether every channel that both hold was equal."""
        return self.first is None

    @property
    def verdict(self) -> str:
        """Say what the first difference means; empty if there is none."""
        return "" if self.first is None else self.first.verdict

    @property
    def text(self) -> str:
        """Return the outcome for people."""
        return "\n".join([self.verdict or self._equal(), *(f"  note: {one_line(note)}" for note in self.notes)])

    def _equal(self) -> str:
        """Say how far the ledgers are equal: a prefix of a run must not read like the whole run."""
        if self.held > self.compared_iterations:
            return f"equal as far as both go: {self.compared_iterations} of {self.held} iterations compared"
        return f"equal: {self.compared_iterations} iterations compared"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `sac diff --json` promises; see docs/run_folder.md."""
        first = None if self.first is None else self.first.to_json()
        compared = {"compared_iterations": self.compared_iterations, "complete": self.complete}
        return {"equal": self.equal, **compared, "first": first, "notes": list(self.notes)}


def compare(
    a: LedgerSource, b: LedgerSource, watch: Callable[[Line | None, Line | None], None] | None = None
) -> LedgerComparison:
    """Align two ledgers by iteration and find the first channel, in order of execution, that differs.

    Args:
        a: a ledger.
        b: another one.
        watch: sees all lines of both, side by side; with it both are read to their ends.

    Raises:
        NotComparable: nothing that could be compared means the same in both.
        LedgerError: a line is malformed.
    """
    _require_same_task(a, b)
    walk = _Walk(a, b, header_differences(a.header, b.header))
    for left, right in align(a, b):
        if watch is not None:
            watch(left, right)
        if not walk.settled:
            walk.take(left, right)
        elif watch is None:
            break
    return walk.comparison()


def _require_same_task(a: LedgerSource, b: LedgerSource) -> None:
    # What stands in front of a colon says where a task is registered, not which it is.
    tasks = [str(ledger.config.get("env_id")).rpartition(":")[2] for ledger in (a, b)]
    if tasks[0] != tasks[1]:
        raise NotComparable(f"different tasks: env_id is {tasks[0]} in {a.path} and {tasks[1]} in {b.path}")


@dataclass
class _Side:
    """What was seen of one ledger."""

    source: LedgerSource
    lines: int = 0
    first: Line | None = None
    last: Line | None = None

    def take(self, line: Line) -> None:
        self.lines += 1
        self.first, self.last = self.first or line, line

    @property
    def span(self) -> str:
        """Which iterations it holds."""
        if self.first is None or self.last is None:
            return "none"
        return f"{self.lines}, from {self.first.iteration} to {self.last.iteration}"


class _Walk:
    """Two ledgers as they pass by."""

    def __init__(self, a: LedgerSource, b: LedgerSource, headers: HeaderDifferences) -> None:
        self._a, self._b, self._headers = _Side(a), _Side(b), headers
        self._unlike = [entry for entry in headers.entries if entry.name in EVALUATION_FLAGS]
        self._pairs, self._alike, self._complete = 0, False, not self._unlike
        self._previous: tuple[Line, Line] | None = None
        self._first: LedgerDivergence | None = None
        self._covered: frozenset[str] = frozenset()
        self._silent: int | None = None

    @property
    def settled(self) -> bool:
        """Whether what follows can't change the answer: of ledgers with no channel in common, any line may be one."""
        return self._first is not None and self._alike

    def take(self, left: Line | None, right: Line | None) -> None:
        """Take the lines of one iteration.

        Raises:
            NotComparable: they mean different things.
        """
        for side, line in ((self._a, left), (self._b, right)):
            if line is not None:
                side.take(line)
        if left is None or right is None:
            self._complete = False
            return
        if left.global_step != right.global_step:
            raise NotComparable(
                f"iterations mean different things: {left.iteration} ends at global step {left.global_step} "
                f"in {self._a.source.path} and at {right.global_step} in {self._b.source.path}; compare num_envs and "
                "training_freq"
            )
        if self._unlike:
            left, right = _without_evaluation(left), _without_evaluation(right)
        self._take_pair(left, right)

    def _take_pair(self, left: Line, right: Line) -> None:
        self._pairs += 1
        self._alike = self._alike or bool(left.digests.keys() & right.digests.keys())
        self._complete = self._complete and left.digests.keys() == right.digests.keys()
        self._covered |= compared(left, right)
        if self._first is None and left is not right:
            channels, outside = differing_channels(left, right), outside_channel(left.values, right.values)
            if channels or outside:
                self._first = make_divergence((left, right), self._previous, channels, self._headers, outside)
            elif self._silent is None and value_differences(left, right):
                self._silent = left.iteration
        self._previous = left, right

    def comparison(self) -> LedgerComparison:
        """Return what was found.

        Raises:
            NotComparable: nothing was that could be compared.
        """
        a, b = self._a, self._b
        if not self._pairs:
            where = f"{a.source.path} holds {a.span}, {b.source.path} holds {b.span}"
            raise NotComparable(f"no iteration in common: {where}")
        if not self._alike:
            where = f"{a.source.path} and {b.source.path}"
            raise NotComparable(f"no channel in common in {where}: equality would say nothing")
        torn = any(side.source.torn is not None for side in (a, b))
        complete = self._complete and not torn and self._first is None
        notes = tuple(self._notes())
        return LedgerComparison(self._pairs, self._first, notes, complete, max(a.lines, b.lines), self._covered)

    def _notes(self) -> Iterator[str]:
        """Say how far the comparison reaches, one note for each limit."""
        yield from (f"evaluations are not compared, {name} is {one} and {other}" for name, one, other in self._unlike)
        yield from _torn_notes(self._a.source, self._b.source)
        yield from _drift_notes(self._a.source, self._b.source)
        if self._first is None:
            yield from _extra_notes(self._a, self._b, self._pairs)
            yield from _extra_notes(self._b, self._a, self._pairs)
        totals = [side.source.config.get("total_timesteps") for side in (self._a, self._b)]
        if totals[0] != totals[1] and self._previous is not None:
            yield (
                f"different lengths were asked for: total_timesteps is {totals[0]} and {totals[1]}; "
                f"compared up to global step {self._previous[0].global_step}"
            )
        if self._silent is not None:
            yield (
                f"at iteration {self._silent} values differ though no digest does: "
                "they measure something else than the state of training"
            )
        if self._first is None:
            yield from missing_notes(self._covered, self._a.source.config)


def _torn_notes(*sources: LedgerSource) -> Iterator[str]:
    for source in sources:
        if source.torn is not None:
            yield f"{source.path} ends in an unfinished line, left out: its run was killed"


def _drift_notes(*sources: LedgerSource) -> Iterator[str]:
    for source in sources:
        if drift := source.header.get("drift"):
            yield f"{source.path} was resumed under another arithmetic, as --allow_drift allowed: {drift}"


def _extra_notes(side: _Side, other: _Side, pairs: int) -> Iterator[str]:
    """Say which lines of a ledger have no counterpart in the other."""
    extra = side.lines - pairs
    if not extra or side.last is None or other.last is None:
        return
    if side.last.iteration > other.last.iteration:
        yield (
            f"{other.source.path} ends at iteration {other.last.iteration} (global step {other.last.global_step}); "
            f"{extra} of the {side.lines} lines of {side.source.path} have no counterpart"
        )
    else:
        yield f"{extra} of the {side.lines} lines of {side.source.path} have no counterpart: compare ledger_freq"


def coverage_difference(a: LedgerSource, b: LedgerSource) -> str | None:
    """Say what one of two ledgers records and the other does not; None if both record the same.

    `compare` accepts a run that is a prefix of a longer one, and evaluations at different steps. Runs of the same flags
    must record the same.
    """
    lacks = _Lack(a), _Lack(b)
    for left, right in align(a, b):
        held = [line.digests.keys() if line is not None else set() for line in (left, right)]
        iteration = next(line.iteration for line in (left, right) if line is not None)
        lacks[0].take(iteration, set(held[1] - held[0]))
        lacks[1].take(iteration, set(held[0] - held[1]))
    for ledger in (a, b):
        if ledger.torn is not None:
            return f"{ledger.path} ends in a torn line"
    return next((lack.text for lack in lacks if lack.count), None)


@dataclass
class _Lack:
    """The digests that one ledger lacks and the other has."""

    source: LedgerSource
    count: int = 0
    first: tuple[int, str] = (0, "")

    def take(self, iteration: int, channels: set[str]) -> None:
        if channels and not self.count:
            self.first = iteration, min(channels, key=CHANNELS.index)
        self.count += len(channels)

    @property
    def text(self) -> str:
        iteration, channel = self.first
        return f"{self.source.path} lacks {self.count} digests, first {channel} of iteration {iteration}"


def _without_evaluation(line: Line) -> Line:
    """Return a line without its evaluation."""
    return replace(line, digests=_training(line.digests), values=_training(line.values))


def _training(entries: Mapping[str, T]) -> dict[str, T]:
    """Return the entries other than the evaluation's."""
    return {name: value for name, value in entries.items() if not name.startswith("eval.")}
