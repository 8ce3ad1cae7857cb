"""Compares two ledgers and finds the first channel, in the order of execution, that differs.

Lines are aligned by iteration, not by position: the runs may have written them at different cadences, and one may be
shorter. What only one run was asked to record is no difference: lines beyond the other's end, evaluations at other
steps. Such ledgers are "equal as far as both go", and the text says so. Ledgers in which nothing means the same are not
compared at all: equality would mean nothing.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sac.errors import UserError
from sac.ledger.channels import CHANNELS, Inputs, inputs_of, rivals_of
from sac.ledger.coverage import compared, missing_notes
from sac.ledger.divergence import LedgerDivergence, ValueDifference
from sac.ledger.file import Ledger, Line
from sac.ledger.headers import ABSENT, EVALUATION_FLAGS, HeaderDifferences, header_differences
from sac.ledger.likely_causes import cause_outside, likely_cause
from sac.ledger.marks import locate
from sac.ledger.next_step import Question, next_step
from sac.ledger.outside import changed_outside, outside_channel

T = TypeVar("T")


class NotComparable(UserError, ValueError):
    """Two ledgers can't be compared; the message says why."""


@dataclass(frozen=True)
class LedgerComparison:
    """What the comparison of two ledgers showed.

    Attributes:
        compared_iterations: lines that both hold.
        first: the first difference; None if there is none.
        notes: how far the comparison reaches, in words.
        complete: whether everything in either ledger was compared with the other.
        held: lines of the longer ledger.
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
        return "\n".join([self.verdict or self._equal(), *(f"  note: {note}" for note in self.notes)])

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


def compare(a: Ledger, b: Ledger) -> LedgerComparison:
    """Align two ledgers by iteration and find the first channel, in order of execution, that differs.

    Raises:
        NotComparable: nothing that could be compared means the same in both.
    """
    headers = header_differences(a.header, b.header)
    unlike = [entry for entry in headers.entries if entry.name in EVALUATION_FLAGS]
    pairs = _align(*((_without_evaluation(a), _without_evaluation(b)) if unlike else (a, b)))
    notes = [f"evaluations are not compared, {name} is {one} and {other}" for name, one, other in unlike]
    notes += _notes(a, b, pairs)
    complete = not unlike and _all_is_paired(a, b, pairs)
    first, covered = _first_divergence(pairs, headers), compared(pairs)
    if first is None:
        notes += missing_notes(covered, a.config)
    return LedgerComparison(len(pairs), first, tuple(notes), complete, max(len(a.lines), len(b.lines)), covered)


def _first_divergence(pairs: Sequence[tuple[Line, Line]], headers: HeaderDifferences) -> LedgerDivergence | None:
    """Return the first difference between aligned lines; None if there is none."""
    for position, pair in enumerate(pairs):
        channels, outside = _differing(*pair), outside_channel(*(line.values for line in pair))
        if channels or outside:
            return _divergence(pair, pairs[position - 1] if position else None, channels, headers, outside)
    return None


def _divergence(
    pair: tuple[Line, Line],
    previous: tuple[Line, Line] | None,
    channels: Sequence[str],
    headers: HeaderDifferences,
    outside: str | None,
) -> LedgerDivergence:
    """Return all that is known of the first difference.

    Args:
        pair: the first lines that differ.
        previous: the lines before them.
        channels: what differs, in the order of data flow.
        headers: what the ledgers' headers hold differently.
        outside: channel that something else than gradient steps has changed before they were taken.
    """
    left, right = pair
    place = locate(left.steps, right.steps, headers.config.get("num_envs"))
    # Marks are hints: the digests must agree that the channel differs.
    place = place if place is not None and place.channel in channels and outside is None else None
    channel = outside or (place.channel if place else channels[0])
    a, b = (line.digests.get(channel, ABSENT) for line in pair)
    inputs = _inputs(channel, pair, previous)
    rivals = () if place or outside else rivals_of(channel, channels)
    question = Question(channel, left.iteration, left.global_step, bool(inputs.unproven), bool(rivals))
    return LedgerDivergence(
        iteration=left.iteration,
        global_step=left.global_step,
        channel=channel,
        a=a,
        b=b,
        differing=tuple(channels),
        inputs=inputs,
        cause=cause_outside(channel, left.iteration) if outside else likely_cause(channel, headers, ABSENT in (a, b)),
        next=next_step(question, headers),
        env_step=place.step if place else None,
        environment=place.environment if place else None,
        rivals=rivals,
        previous=previous[0].iteration if previous else None,
        values=_value_differences(left, right),
    )


def _all_is_paired(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> bool:
    """Tell whether every digest of either ledger has its counterpart."""
    whole = all(ledger.torn is None and len(ledger.lines) == len(pairs) for ledger in (a, b))
    return whole and all(left.digests.keys() == right.digests.keys() for left, right in pairs)


def coverage_difference(a: Ledger, b: Ledger) -> str | None:
    """Say what one of two ledgers records and the other does not; None if both record the same.

    `compare` accepts a run that is a prefix of a longer one, and evaluations at different steps. Runs of the same flags
    must record the same.
    """
    for ledger in (a, b):
        if ledger.torn is not None:
            return f"{ledger.path} ends in a torn line"
    held = [{(line.iteration, name) for line in ledger.lines for name in line.digests} for ledger in (a, b)]
    for ledger, missing in ((a, held[1] - held[0]), (b, held[0] - held[1])):
        if missing:
            iteration, channel = min(missing, key=lambda entry: (entry[0], CHANNELS.index(entry[1])))
            return f"{ledger.path} lacks {len(missing)} digests, first {channel} of iteration {iteration}"
    return None


def _without_evaluation(ledger: Ledger) -> Ledger:
    """Return the ledger without its evaluations."""
    lines = (replace(row, digests=_training(row.digests), values=_training(row.values)) for row in ledger.lines)
    return replace(ledger, lines=tuple(lines))


def _training(entries: Mapping[str, T]) -> dict[str, T]:
    """Return the entries other than the evaluation's."""
    return {name: value for name, value in entries.items() if not name.startswith("eval.")}


def _inputs(channel: str, pair: tuple[Line, Line], previous: tuple[Line, Line] | None) -> Inputs:
    """Return what two pairs of lines show of the inputs of a channel."""
    iteration = pair[0].iteration
    shown, shown_before = (set(a.digests) & set(b.digests) for a, b in (pair, previous or pair))
    gap = iteration > 0 and (previous is None or previous[0].iteration != iteration - 1)
    return inputs_of(channel, iteration, shown, None if gap else shown_before)


def _align(a: Ledger, b: Ledger) -> list[tuple[Line, Line]]:
    """Return the lines of the iterations that both ledgers hold, or say why they can't be compared."""
    # What stands in front of a colon says where a task is registered, not which it is.
    tasks = [str(ledger.config.get("env_id")).rpartition(":")[2] for ledger in (a, b)]
    if tasks[0] != tasks[1]:
        raise NotComparable(f"different tasks: env_id is {tasks[0]} in {a.path} and {tasks[1]} in {b.path}")
    others = {line.iteration: line for line in b.lines}
    pairs = [(line, others[line.iteration]) for line in a.lines if line.iteration in others]
    if not pairs:
        raise NotComparable(f"no iteration in common: {a.path} holds {_span(a)}, {b.path} holds {_span(b)}")
    for left, right in pairs:
        if left.global_step != right.global_step:
            raise NotComparable(
                f"iterations mean different things: {left.iteration} ends at global step {left.global_step} "
                f"in {a.path} and at {right.global_step} in {b.path}; compare num_envs and training_freq"
            )
    if not any(set(left.digests) & set(right.digests) for left, right in pairs):
        raise NotComparable(f"no channel in common in {a.path} and {b.path}: equality would say nothing")
    return pairs


def _span(ledger: Ledger) -> str:
    """Say which iterations a ledger holds."""
    if not ledger.lines:
        return "none"
    return f"{len(ledger.lines)}, from {ledger.lines[0].iteration} to {ledger.lines[-1].iteration}"


def _differing(left: Line, right: Line) -> list[str]:
    """Return the channels that differ at one iteration, in the order of data flow."""
    return [
        channel
        for channel in CHANNELS
        if left.digests.get(channel) != right.digests.get(channel)
        # Runs may evaluate at different iterations: that is no difference.
        and not (channel.startswith("eval.") and (channel in left.digests) != (channel in right.digests))
    ]


def _bits(value: float) -> bytes:
    """Return the bits of a float, so that NaN equals itself and zeros of unlike sign differ."""
    return struct.pack("<d", value)


def _value_differences(left: Line, right: Line) -> tuple[ValueDifference, ...]:
    """Return the values that both lines hold and that differ."""
    return tuple(
        ValueDifference(name, value, right.values[name])
        for name, value in left.values.items()
        if name in right.values and _bits(value) != _bits(right.values[name])
    ) + tuple(_outside_differences(left, right))


def _outside_differences(left: Line, right: Line) -> Iterator[ValueDifference]:
    """Yield the counts of numbers changed by something else than gradient steps; a line without one has none."""
    a, b = changed_outside(left.values), changed_outside(right.values)
    for channel in a.keys() ^ b.keys():
        yield ValueDifference(f"numbers of {channel} changed outside", a.get(channel, 0.0), b.get(channel, 0.0))


def _notes(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> list[str]:
    """Say how far the comparison reaches, one note for each limit."""
    notes = [
        f"{ledger.path} ends in an unfinished line, left out: its run was killed" for ledger in (a, b) if ledger.torn
    ]
    for ledger in (a, b):
        drift = ledger.header.get("drift")
        if drift:
            notes.append(f"{ledger.path} was resumed under another arithmetic, as --allow_drift allowed: {drift}")
    for ledger, other in ((a, b), (b, a)):
        extra = len(ledger.lines) - len(pairs)
        if extra and ledger.lines[-1].iteration > other.lines[-1].iteration:
            notes.append(
                f"{other.path} ends at iteration {other.lines[-1].iteration} (global step "
                f"{other.lines[-1].global_step}); {extra} of the {len(ledger.lines)} lines of {ledger.path} "
                "have no counterpart"
            )
        elif extra:
            notes.append(
                f"{extra} of the {len(ledger.lines)} lines of {ledger.path} have no counterpart: compare ledger_freq"
            )
    totals = [ledger.config.get("total_timesteps") for ledger in (a, b)]
    if totals[0] != totals[1]:
        notes.append(
            f"different lengths were asked for: total_timesteps is {totals[0]} and {totals[1]}; "
            f"compared up to global step {pairs[-1][0].global_step}"
        )
    silent = [left for left, right in pairs if _value_differences(left, right) and not _differing(left, right)]
    if silent:
        notes.append(
            f"at iteration {silent[0].iteration} values differ though no digest does: "
            "they measure something else than the state of training"
        )
    return notes
