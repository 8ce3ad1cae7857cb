"""Compares what two runs printed, or wrote into files of text: what must differ (times, speeds, paths) is masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import NamedTuple

from sac.why.tracer.masks import masked

MASKED = "times, dates, speeds, sizes of memory, paths, addresses, process numbers and names of the run"
"""What is masked, in words; the rule itself is in `tracer.masks`."""


class UnlikeLine(NamedTuple):
    """The first line in which two texts differ, behind the masks."""

    line: int
    a: str
    b: str


class Own(NamedTuple):
    """What is a run's own, and must differ from the other's.

    Attributes:
        numbers: of its processes.
        names: that its command gave to it, as `masks.without_names` takes them.
    """

    numbers: Collection[int] = ()
    names: Sequence[Sequence[str]] = ()


def first_unlike(a: str, b: str, ordered: bool = True, own: tuple[Own, Own] = (Own(), Own())) -> UnlikeLine | None:
    """Return the first line that differs between two texts; None if they are equal behind the masks.

    Args:
        a: what the first run printed.
        b: what the other did.
        ordered: whether one process printed all of it; of several, the lines come in any order.
        own: what is each run's own.
    """
    left, right = (_lines(text, one) for text, one in zip((a, b), own, strict=True))
    if not ordered:
        return _first_missing(left, right)
    nothing = _Line(len(left) + 1, "", "")
    for one, other in zip_longest(left, right, fillvalue=nothing):
        if one.masked != other.masked:
            return UnlikeLine(one.number, one.text, other.text)
    return None


class _Line(NamedTuple):
    number: int
    text: str
    masked: str


def _lines(text: str, own: Own) -> list[_Line]:
    """Return the lines as they stand on a terminal at last: a progress bar is written over itself."""
    shown = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    lines = (_Line(number, line, masked(line, *own)) for number, line in enumerate(shown, start=1))
    # Where a bar was drawn, it may have left an empty line.
    return [line for line in lines if line.masked]


def _first_missing(left: list[_Line], right: list[_Line]) -> UnlikeLine | None:
    """Return the first line that only one text has, whatever the order of the others."""
    counts = [Counter(line.masked for line in lines) for lines in (left, right)]
    missing = next((line for line in left if line.masked in counts[0] - counts[1]), None)
    extra = next((line for line in right if line.masked in counts[1] - counts[0]), None)
    found = missing or extra
    return found and UnlikeLine(found.number, missing.text if missing else "", extra.text if extra else "")
