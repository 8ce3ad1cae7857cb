"""Members of JSON objects, each checked for its kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import shown

T = TypeVar("T")

COUNT_BOUND = 2**62
"""Counts lie below this, so that sums of a few of them still fit into 64 bits."""
_WORDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "an integer",
    bool: "true or false",
}


def member(entry: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Return a member of the kind given; a truth value is no integer.

    Raises:
        Unreadable: it is absent, or of another kind.
    """
    value = entry.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        found = shown(value) if name in entry else "none"
        raise Unreadable(f"expected {name!r} to be {_WORDS.get(kind, kind.__name__)}, found {found}")
    return value


def optional(entry: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    """Return a member of the kind given, or the default where it is absent.

    Raises:
        Unreadable: it is there, and of another kind.
    """
    return member(entry, name, kind) if name in entry else default


def count(entry: Mapping[str, Any], name: str) -> int:
    """Return a member that counts something.

    Raises:
        Unreadable: it is absent, no integer, negative, or wild.
    """
    value = member(entry, name, int)
    if not 0 <= value < COUNT_BOUND:
        raise Unreadable(f"expected {name!r} to be a count, found {shown(value)}")
    return value


def number(value: object) -> float:
    """Return a finite float.

    Raises:
        Unreadable: the value is no number, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable(f"expected a number, found {shown(value)}")
    return float(value)


def text(value: object) -> str:
    """Return a text without zero bytes, which no system call takes.

    Raises:
        Unreadable: the value is no text, or holds one.
    """
    if not isinstance(value, str) or "\0" in value:
        raise Unreadable(f"expected a text without zero bytes, found {shown(value)}")
    return value
