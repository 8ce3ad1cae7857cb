"""Compares what two runs printed, or wrote into files of text: what must differ (times, speeds, paths) is masked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from itertools import zip_longest
from typing import NamedTuple

MASKED = "times, dates, speeds, sizes of memory, paths, addresses and process numbers"
"""What is masked, in words; the rule itself is `_MASKS`."""

_AMOUNT = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"
_UNIT = (
    r"(?: ?(?:s|secs?|seconds?|ms|msecs?|milliseconds?|us|µs|ns|mins?|minutes?|hrs?|hours?|fps|sps|hz|rpm"
    r"|[kmgt]i?b|[kmgt]i?b/s|[a-z]*/(?:s|sec|second|min|h|it|step|iter|epoch))|h)"
)
_TIMED = (
    r"(?:time|times|elapsed|duration|took|sps|fps|speed|throughput|eta|seconds|secs|sec|ms|wall|walltime|latency|hours|wall-?clock"
    r"|minutes|runtime|memory|rss|timestamp|date|started|finished|per[_ ]second|it/s|steps/s)"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"

_MASKS = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (
            rf"(?<![a-z])((?:\w+[_/])*{_TIMED}(?:_(?!steps?\b)\w+)?)(?![a-z])((?:[^\w\n.+-]|\([a-z]+\)){{0,40}}){_AMOUNT}"
            r"(?![\d:-])",
            r"\1 <amount>",
        ),
        (r"\b0x[0-9a-f]{4,}\b", "<address>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d?-\d\d?(?:[t _]\d\d?[:.-]\d\d(?:[:.-]\d\d(?:[.,]\d+)?)?)?(?:z|[-+]\d\d:?\d\d)?\b", "<date>"),
        (r"\b\d{8}[-_]\d{6}\b", "<date>"),
        (rf"\b(?:{_DAY},? )?(?:{_MONTH} +\d\d?|\d\d? {_MONTH})(?:,? \d{{4}})?\b", "<date>"),
        (r"\b\d+:\d\d(?::\d\d)?(?:[.,]\d+)?\b", "<time>"),
        (r"\b[IWEFD]\d{4} <time>\s+\d+", "<log>"),
        (r"(?<!\d)1[6-9]\d{8}(?:\.\d+|\d{3}|\d{6}|\d{9})?(?!\d)", "<instant>"),
        (rf"(?<![\w.]){_AMOUNT}{_UNIT}(?![\w/])(?! <amount>)", "<amount>"),
        (r"(?<![\w.])[\w.~@+=-]*(?:/[\w.~@+=:-]*[a-z_.~][\w.~@+=:-]*)+/?", "<path>"),
        (r"\b(?:pid|process)\W{0,3}\d+", "<pid>"),
        (r"[-=_+*#~]{3,}", "---"),
        (r"\s+", " "),
    )
)


class Unlike(NamedTuple):
    """The first line in which two texts differ, behind the masks."""

    line: int
    a: str
    b: str


def masked(line: str, numbers: Collection[int] = ()) -> str:
    """Return a line without what must differ between two runs.

    Args:
        line: of what a run printed.
        numbers: of its processes.
    """
    for number in numbers:
        line = re.sub(rf"(?<!\d){number}(?!\d)", "<pid>", line)
    for pattern, instead in _MASKS:
        line = pattern.sub(instead, line)
    return line.strip()


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
