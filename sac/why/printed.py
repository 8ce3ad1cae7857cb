"""Compares what two runs printed, or wrote into files of text: what must differ (times, speeds, paths) is masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import zip_longest
from typing import NamedTuple

from sac.why.tracer.masks import masked

MASKED = "times, dates, speeds, sizes of memory, paths, addresses and process numbers"
"""What is masked, in words; the rule itself is in `tracer.masks`."""


class Unlike(NamedTuple):
    """The first line in which two texts differ, behind the masks."""

    line: int
    a: str
    b: str


def first_unlike(
    a: str, b: str, ordered: bool = True, numbers: tuple[Collection[int], Collection[int]] = ((), ())
) -> Unlike | None:
    """Return the first line that differs between two texts; None if they are equal behind the masks.

    Args:
        a: what the first run printed.
        b: what the other did.
        ordered: whether one process printed all of it; of several, the lines come in any order.
        numbers: of the processes of each run.
    """
    left, right = _lines(a), _lines(b)
    shown = [[masked(line, own) for line in lines] for lines, own in zip((left, right), numbers, strict=True)]
    if not ordered and Counter(shown[0]) == Counter(shown[1]):
        return None
    if not ordered:
        missing = Counter(shown[0]) - Counter(shown[1])
        extra = Counter(shown[1]) - Counter(shown[0])
        place = next((number for number, line in enumerate(shown[0]) if line in missing), 0)
        other = next((right[number] for number, line in enumerate(shown[1]) if line in extra), "")
        return Unlike(place + 1, left[place] if missing else "", other)
    for number, pair in enumerate(zip_longest(*shown, fillvalue=""), start=1):
        if pair[0] != pair[1]:
            one, other = (lines[number - 1] if number <= len(lines) else "" for lines in (left, right))
            return Unlike(number, one, other)
    return None


def _lines(text: str) -> list[str]:
    """Return the lines as they stand on a terminal at last: a progress bar is written over itself."""
    return [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.rstrip().split("\n")] if text.strip() else []
