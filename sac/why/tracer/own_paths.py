"""Paths without what this run alone calls its folders: the names of its command, its days, temporary folders.

A script that keeps files in a folder of its own draws from them by their paths: `random.choice(files)`.
Which of them is drawn counts, not what the folder is called. A day is masked only if it is the run's own: files of a
dataset may well be told apart by theirs. The name of a temporary folder is masked, that of a temporary file is not: the
order of those may decide something.
"""

from __future__ import annotations

import functools
import re
import time

from . import vary
from .masks import INSTANT, own_names, without_names

_DAY = re.compile(
    r"(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)(?:[T_ /-]?\d\d([-_:.]?)\d\d\5\d\d(?:[.,]\d+)?)?(?!\d)", re.IGNORECASE
)
_INSTANT = re.compile(INSTANT)
_TEMPORARY = re.compile(r"/tmp[a-z0-9_]{8}(?=/)")
_SECONDS = 86_400
_SHORT = 512
"""Characters of a text that is remembered."""


def unplaced(path: str) -> str:
    """Return a path without what this run alone calls it; a text that is no path is returned as it is."""
    if "/" not in path:
        return path
    return _masked(path) if len(path) < _SHORT else _masked.__wrapped__(path)


@functools.lru_cache(1 << 16)
def _masked(path: str) -> str:
    """Return a path, or a text of many, without what this run alone calls it; a draw from many files asks again."""
    path = without_names(path, own_names())
    if "/tmp" in path:
        path = _TEMPORARY.sub("/<temporary>", path)
    # Few texts hold any of these digits: to look for them costs little.
    if any(year in path for year in _years()):
        path = _DAY.sub(_day, path)
    return _INSTANT.sub(_instant, path) if str(int(vary.started()))[:4] in path else path


def _years() -> tuple[str, ...]:
    return tuple({time.strftime("%Y", time.gmtime(vary.started() + shift)) for shift in (-_SECONDS, _SECONDS)})


def _day(found: re.Match[str]) -> str:
    days = (time.gmtime(vary.started() + shift) for shift in (-_SECONDS, 0, _SECONDS))
    stamp = f"{found[1]}-{found[3]}-{found[4]}"
    return "<date>" if any(time.strftime("%Y-%m-%d", day) == stamp for day in days) else found[0]


def _instant(found: re.Match[str]) -> str:
    return "<instant>" if abs(int(found[1]) - vary.started()) < _SECONDS else found[0]
