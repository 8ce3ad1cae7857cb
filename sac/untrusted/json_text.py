"""The package's one reader of JSON: strict where Python's own is generous, and bounded in whatever may grow.

Refused: text that is no UTF-8, what follows the value, NaN and infinities, numbers beyond a float's range or of
hundreds of digits, two members of one name, nesting beyond `DEPTH`. What is read is what every other reader of JSON
would read, and no later code that walks it can be driven too deep.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sac.untrusted.file import Unreadable, read_bytes

DEPTH = 64
"""Nesting that is accepted; what the package writes has less than ten."""
DIGITS = 64
"""Digits of an integer that are accepted."""
MOST_BYTES = 64 * 2**20
"""Length of a file that holds one JSON value."""
_SHOWN = 60


def parse(data: bytes, depth: int = DEPTH) -> Any:
    """Return the value that a JSON text holds.

    Args:
        data: the text.
        depth: nesting that is accepted.

    Raises:
        Unreadable: it is no JSON, or beyond a limit; the message says why.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"no UTF-8 at byte {error.start:,}") from error
    except RecursionError as error:
        raise Unreadable(f"nested deeper than {depth}") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error
    # Whoever nests deeply needs that many brackets: most texts are settled by counting them.
    if data.count(b"[") + data.count(b"{") > depth and _is_deeper(value, depth):
        raise Unreadable(f"nested deeper than {depth}")
    return value


def parse_object(data: bytes, depth: int = DEPTH) -> dict[str, Any]:
    """Return the object that a JSON text holds.

    Raises:
        Unreadable: as `parse`; or it holds something else.
    """
    try:
        found = parse(data, depth)
    except Unreadable as error:
        raise Unreadable(f"expected a JSON object, found {shown(data)} ({error})") from error
    if not isinstance(found, dict):
        raise Unreadable(f"expected a JSON object, found {shown(data)}")
    return found


def read_object(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        Unreadable: the file can't be read, is too long, or holds something else.
    """
    data = read_bytes(path, most)
    try:
        return parse_object(data)
    except Unreadable as error:
        raise Unreadable(error.reason, path) from error


def shown(value: object) -> str:
    """Return the beginning of a value's repr, for messages: as much as one can read, at no cost for what is huge."""
    if isinstance(value, bytes | str):
        return repr(value[:_SHOWN])
    if value and isinstance(value, Mapping | list | tuple):
        return f"{'an object' if isinstance(value, Mapping) else 'a list'} of {len(value)}"
    return repr(value)[:_SHOWN]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two members of the name {shown(twice)}")
    return found


def _integer(text: str) -> int | float:
    if len(text) > DIGITS:
        raise ValueError(f"an integer of {len(text)} digits, at most {DIGITS} are accepted")
    # An integer has no negative zero, but a float that is written so has.
    return -0.0 if text == "-0" else int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:_SHOWN]}, beyond the range of a float")
    return value


def _constant(text: str) -> float:
    raise ValueError(f"{text}, which JSON does not have")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant, strict=True
)


def _is_deeper(value: object, depth: int) -> bool:
    """Whether a value is nested deeper than `depth`; walks level by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(depth):
        parts = (part for one in level for part in (one.values() if isinstance(one, dict) else one))
        level = [part for part in parts if isinstance(part, dict | list)]
    return bool(level)
