"""The difference between two lines of one iteration: which channels, which values, and all that is known of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from sac.ledger.channels import CHANNELS, Inputs, inputs_of, rivals_of
from sac.ledger.divergence import LedgerDivergence, ValueDifference
from sac.ledger.headers import ABSENT, HeaderDifferences
from sac.ledger.likely_causes import cause_outside, likely_cause
from sac.ledger.line import Line
from sac.ledger.marks import locate
from sac.ledger.next_step import Question, next_step
from sac.ledger.outside import changed_outside


def make_divergence(
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
        values=value_differences(left, right),
    )


def _inputs(channel: str, pair: tuple[Line, Line], previous: tuple[Line, Line] | None) -> Inputs:
    """Return what two pairs of lines show of the inputs of a channel."""
    iteration = pair[0].iteration
    shown, shown_before = (set(a.digests) & set(b.digests) for a, b in (pair, previous or pair))
    gap = iteration > 0 and (previous is None or previous[0].iteration != iteration - 1)
    return inputs_of(channel, iteration, shown, None if gap else shown_before)


def differing_channels(left: Line, right: Line) -> list[str]:
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


def value_differences(left: Line, right: Line) -> tuple[ValueDifference, ...]:
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
