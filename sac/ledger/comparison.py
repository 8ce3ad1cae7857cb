"""Holds two ledgers against each other and finds the first channel, in the order of execution, that differs.

Lines are aligned by iteration, not by position: the runs may have written them at unlike cadences, and one may be
shorter. What only one run was asked to witness is no difference: lines beyond the other's end, evaluations at other
steps. Such an equality is one as far as both go, and says so. Ledgers in which nothing means the same aren't compared
at all: equality would say nothing.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sac.ledger.channels import CHANNELS, Inputs, inputs_of
from sac.ledger.divergence import (
    ABSENT,
    EVALUATION_FLAGS,
    Difference,
    Divergence,
    flag_differences,
    same_machine,
)
from sac.ledger.file import Ledger, Line
from sac.ledger.marks import locate

T = TypeVar("T")


class NotComparable(ValueError):
    """Two ledgers can't be held against each other; the message is the reason."""


@dataclass(frozen=True)
class Comparison:
    """What holding two ledgers against each other showed.

    Attributes:
        compared_iterations: lines that both hold.
        first: the first difference; None if there is none.
        notes: how far the comparison reaches, in words.
        complete: whether all that either ledger holds was held against the other.
        held: lines of the longer ledger.
    """

    compared_iterations: int
    first: Divergence | None
    notes: tuple[str, ...] = ()
    complete: bool = True
    held: int = 0

    @property
    def equal(self) -> bool:
        """Whether every channel that both could be asked for was equal."""
        return self.first is None

    @property
    def verdict(self) -> str:
        """What the first difference means; empty if there is none."""
        return "" if self.first is None else self.first.verdict

    @property
    def text(self) -> str:
        """The outcome for people."""
        return "\n".join([self.verdict or self._equal(), *(f"  note: {note}" for note in self.notes)])

    def _equal(self) -> str:
        """Say how far equality was seen: a prefix of a run must not read like the whole of it."""
        if self.held > self.compared_iterations:
            return f"equal as far as both go: {self.compared_iterations} of {self.held} iterations compared"
        return f"equal: {self.compared_iterations} iterations compared"

    def to_json(self) -> dict[str, Any]:
        """The object that `sac diff --json` promises, see docs/run_folder.md."""
        first = None if self.first is None else self.first.to_json()
        compared = {"compared_iterations": self.compared_iterations, "complete": self.complete}
        return {"equal": self.equal, **compared, "first": first, "notes": list(self.notes)}


def compare(a: Ledger, b: Ledger) -> Comparison:
    """Align two ledgers by iteration and find the first channel, in order of execution, that differs.

    Raises:
        NotComparable: nothing that could be compared means the same in both.
    """
    flags = flag_differences(a.header, b.header)
    unlike = [flag for flag in flags if flag.name in EVALUATION_FLAGS]
    pairs = _align(*((_without_evaluation(a), _without_evaluation(b)) if unlike else (a, b)))
    notes = [f"evaluations are not compared, {name} is {one} and {other}" for name, one, other in unlike]
    notes += _notes(a, b, pairs)
    held = max(len(a.lines), len(b.lines))
    complete = not unlike and _all_is_paired(a, b, pairs)
    for position, (left, right) in enumerate(pairs):
        channels = _differing(left, right)
        if channels:
            previous = pairs[position - 1] if position else None
            place = locate(left.steps, right.steps, a.config.get("num_envs"))
            # Marks are hints: the digests must agree that the channel differs.
            channel = place.channel if place is not None and place.channel in channels else channels[0]
            divergence = Divergence(
                iteration=left.iteration,
                global_step=left.global_step,
                channel=channel,
                a=left.digests.get(channel, ABSENT),
                b=right.digests.get(channel, ABSENT),
                differing=tuple(channels),
                place=place,
                inputs=_inputs(channel, (left, right), previous),
                previous=previous[0].iteration if previous else None,
                values=_value_differences(left, right),
                flags=flags,
                config=a.config,
                same_machine=same_machine(a.header, flags),
            )
            return Comparison(len(pairs), divergence, tuple(notes), complete, held)
    return Comparison(len(pairs), None, tuple(notes), complete, held)


def _all_is_paired(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> bool:
    """Tell whether every digest of either ledger has its counterpart."""
    whole = all(ledger.torn is None and len(ledger.lines) == len(pairs) for ledger in (a, b))
    return whole and all(left.digests.keys() == right.digests.keys() for left, right in pairs)


def coverage_difference(a: Ledger, b: Ledger) -> str | None:
    """Say what one of two ledgers witnesses and the other does not; None where both witness the same.

    `compare` lets a shorter run be a prefix of a longer one, and evaluations be where they are. Runs of the same flags
    have no such freedom.
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
    """Return the ledger less what its evaluations left."""
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


def _value_differences(left: Line, right: Line) -> tuple[Difference, ...]:
    """Return the values that both lines hold and that differ."""
    return tuple(
        Difference(name, value, right.values[name])
        for name, value in left.values.items()
        if name in right.values and _bits(value) != _bits(right.values[name])
    )


def _notes(a: Ledger, b: Ledger, pairs: Sequence[tuple[Line, Line]]) -> list[str]:
    """Return what a reader should know of how far the comparison reaches."""
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
