"""What two runs print at other times, in other places and at other speeds, masked: their results remain."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Collection, Sequence

_AMOUNT = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"
_PIECE = r"(?:it|iter|iteration|step|batch|epoch|episode|update|frame|sample|token|image|example|item|call)"
_EACH = rf"(?:s|secs?|seconds?|ms|us|µs|ns|min|time)(?:/| per ){_PIECE}"
_UNIT = (
    r"(?: ?(?:s|secs?|seconds?|ms|msecs?|milliseconds?|us|µs|ns|mins?|minutes?|hrs?|hours?|fps|sps|hz|rpm"
    rf"|[kmgt]i?b|[kmgt]i?b/s|{_EACH}|[a-z]*/(?:s|sec|second|min|h|it|step|iter|epoch))|h)"
)
INSTANT = r"(?<![\d.])(1[6-9]\d{8})(?:\.\d+|\d{3}|\d{6}|\d{9})?(?!\d)"
"""A reading of the wall clock in seconds, or in parts of them; its first group has the whole seconds."""
STAGES = (
    r"(?:time|times|timings?|timers?)/(?:total|train(?:ing)?|eval(?:uation)?|test(?:ing)?|validation|rollouts?|sampl(?:e|ing)"
    r"|collect(?:ion|ing)?|data|load(?:ing)?|updates?|forward|backward|inference|learn(?:ing)?|epoch|iteration|env|save)"
)
"""What loggers call the seconds that a stage of training took, by a group and its name."""
_TIMED = (
    rf"(?:{STAGES}|time|times|elapsed|duration|took|sps|fps|speed|throughput|eta|seconds|secs|sec|ms|wall|walltime"
    r"|latency|hours|wall-?clock"
    rf"|minutes|runtime|memory|rss|timestamp|date|started|finished|per[_ ]second|{_EACH}|[a-z]+/(?:s|secs?|seconds?))"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"

_COLUMN = re.compile(rf"(?:\w+[_/ ])*{_TIMED}(?:[_ ](?!steps?\b)\w+)*(?: ?\(\w+\))?", re.IGNORECASE)

_MASKS = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        # A progress bar is drawn whenever some time has passed; the last one is always drawn.
        (r"^[^|]{0,80}?\b\d{1,2}%\|[^|]*\|[^\]]*\]", ""),
        (
            rf"(?<![a-z])((?:\w+[_/])*{_TIMED}(?:_(?!steps?\b)\w+)?)(?![a-z])((?:[^\w\n.+-]|\([a-z]+\)){{0,40}}){_AMOUNT}"
            r"(?![\d:-])",
            r"\1 <amount>",
        ),
        (r"\b0x[0-9a-f]{4,}\b", "<address>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d?-\d\d?(?:[t _]\d\d?[:.-]\d\d(?:[:.-]\d\d(?:[.,]\d+)?)?)?(?:z|[-+]\d\d:?\d\d)?\b", "<date>"),
        (r"\b\d{8}[-_]\d{6}\b", "<date>"),
        (rf"\b(?:{_DAY},? )?(?:{_MONTH} +\d\d?|\d\d? {_MONTH})(?:,?(?: \d\d:\d\d:\d\d)? \d{{4}})?\b", "<date>"),
        (r"\b\d+:\d\d(?::\d\d)?(?:[.,]\d+)?\b", "<time>"),
        (r"\b[IWEFD]\d{4} <time>\s+(?:\d+|<pid>)", "<log>"),
        (INSTANT, "<instant>"),
        (
            r"\b(done|finished|completed|trained|loaded|saved|ran|ready)( in | after )\d+\.\d+(?= *(?:$|[,;)\]]))",
            r"\1\2<amount>",
        ),
        (rf"(?<![\w.]){_AMOUNT}{_UNIT}(?![\w/])(?! <amount>)", "<amount>"),
        (r"(?<![\w.])[\w.~@+=-]*(?:/[\w.~@+=:-]*[a-z_.~][\w.~@+=:-]*)+/?", "<path>"),
        (r"\b(?:pid|process)\W{0,3}\d+", "<pid>"),
        (r"[-=_+*#~]{3,}", "---"),
        (r"\s+", " "),
    )
)


NAMES = "SAC_WHY_NAMES"
"""Variable that holds what `{run}` made of the words of the command: pairs of an option and its value, as JSON."""

_EDGE = "[A-Za-z0-9]"


@functools.cache
def own_names() -> list[list[str]]:
    """Return what `{run}` made of this run's command."""
    return list(json.loads(os.environ.get(NAMES) or "[]"))


def without_names(text: str, names: Sequence[Sequence[str]]) -> str:
    """Return a text without the names that a run was given by its command.

    Args:
        text: what may hold them.
        names: pairs of an option and its value. One that is a mere number is masked behind its option only: elsewhere
            it may be a result.
    """
    for option, value in names:
        if not value.isdecimal():
            text = re.sub(rf"(?<!{_EDGE}){re.escape(value)}(?!{_EDGE})", "<run>", text)
        elif option:
            words = "[-_]".join(map(re.escape, re.split("[-_]", option)))
            text = re.sub(rf"(?<!{_EDGE})({words}\W{{1,6}}){value}(?![\w.])", r"\1<run>", text)
    return text


def masked(line: str, numbers: Collection[int] = (), names: Sequence[Sequence[str]] = ()) -> str:
    """Return a line without what must differ between two runs.

    Args:
        line: of what a run printed.
        numbers: of its processes.
        names: that its command gave to it, as `without_names` takes them.
    """
    line = without_names(line, names)
    for number in numbers:
        line = re.sub(rf"(?<!\d){number}(?!\d)", "<pid>", line)
    for pattern, instead in _MASKS:
        line = pattern.sub(instead, line)
    return line.strip()


class Table:
    """A file of text whose first line may name columns: those of times are masked.

    Args:
        head: the first line.
    """

    def __init__(self, head: str) -> None:
        self._separator = next((mark for mark in ",;\t" if mark in head), "")
        self._names = self._cells(head)

    def _cells(self, line: str) -> list[str]:
        return line.split(self._separator) if self._separator else [line]

    def without_times(self, line: str) -> str:
        """Return a line without the cells in the columns of times."""
        cells = self._cells(line)
        if len(cells) != len(self._names) or len(cells) == 1:
            return line
        pairs = zip(self._names, cells, strict=True)
        return self._separator.join("<time>" if _COLUMN.fullmatch(name.strip(' "')) else cell for name, cell in pairs)
