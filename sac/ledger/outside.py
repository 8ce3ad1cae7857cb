"""What a ledger's lines tell of a learner that something else than gradient steps has changed; see `unchanged`."""

from __future__ import annotations

from collections.abc import Mapping

from sac.ledger.channels import CHANNELS

PREFIX = "outside."
"""`outside.CHANNEL` is the value that holds the count of numbers that have changed."""


def changed_outside(values: Mapping[str, float]) -> dict[str, float]:
    """Return channel -> count of its numbers that something else than gradient steps has changed, from a line's values.

    The channels are in the order of data flow.
    """
    return {channel: values[PREFIX + channel] for channel in CHANNELS if values.get(PREFIX + channel)}


def outside_channel(a: Mapping[str, float], b: Mapping[str, float]) -> str | None:
    """Return the first channel that something else than gradient steps has changed in two runs unlike; None without."""
    left, right = changed_outside(a), changed_outside(b)
    return next((channel for channel in CHANNELS if left.get(channel) != right.get(channel)), None)
