"""One line of a ledger: what it says, and the strict reading of its text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sac.ledger.channels import CHANNELS
from sac.untrusted.fields import count, member
from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import parse_object, shown
from sac.untrusted.seal import MEMBER, is_broken

VERSION = 1
LONGEST = 64 * 2**20
"""Bytes of a line that are accepted; one with marks of a million env steps has 24 MB."""
_DIGEST = re.compile(r"[0-9a-f]{16}")
_DIGESTS = re.compile(r"(?:[0-9a-f]{16},)*")
_MARKS = re.compile(r"[0-9a-f]*")
_KNOWN = frozenset(CHANNELS)
_NON_FINITE = ("nan", "inf", "-inf")


@dataclass(frozen=True)
class Line:
    """What one iteration left."""

    iteration: int
    global_step: int
    digests: dict[str, str]
    values: dict[str, float]
    steps: dict[str, str] = field(default_factory=dict)


def parse_line(row: bytes, previous: int) -> Line:
    """Return what a row says.

    Args:
        row: its bytes.
        previous: the iteration of the row before, which this one's must exceed; -1 before the first.

    Raises:
        Unreadable: it is malformed; the message says what was expected.
    """
    entry = parse_object(row)
    iteration = member(entry, "iteration", int)
    if iteration <= previous:
        raise Unreadable(f"expected an iteration above {previous}, found {shown(iteration)}")
    digests, values = member(entry, "digests", dict), member(entry, "values", dict)
    require_digests(digests)
    steps = member(entry, "steps", dict) if "steps" in entry else {}
    _require_marks(steps)
    decoded = {name: decode(value) for name, value in values.items()}
    return Line(count(entry, "iteration"), count(entry, "global_step"), digests, decoded, steps)


def require_digests(digests: Mapping[str, Any]) -> None:
    """Refuse channels that no ledger has, and what is no digest.

    Raises:
        Unreadable: there is one.
    """
    try:
        joined = ",".join(digests.values()) + ","
    except TypeError:
        joined = ""
    if _KNOWN.issuperset(digests) and len(joined) == 17 * len(digests) and _DIGESTS.fullmatch(joined):
        return
    for channel, value in digests.items():
        if channel not in _KNOWN:
            raise Unreadable(f"expected channels of ledger version {VERSION}, found {shown(channel)}")
        if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
            raise Unreadable(f"expected 16 hexadecimal digits for {channel}, found {shown(value)}")


def _require_marks(steps: Mapping[str, Any]) -> None:
    for channel, marks in steps.items():
        if channel not in _KNOWN or not (isinstance(marks, str) and _MARKS.fullmatch(marks)):
            raise Unreadable(f"expected 'steps' to hold hexadecimal digits of channels, found {shown(channel)}")


def encode(value: float) -> float | str:
    """Return a float as JSON can hold it."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def decode(value: object) -> float:
    """Return the float that `encode` was given.

    Raises:
        Unreadable: it is none.
    """
    if type(value) is float:
        return value
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value in _NON_FINITE)):
        raise Unreadable(f"expected a float, found {shown(value)}")
    return float(value)


def parse_header(row: bytes) -> dict[str, Any]:
    """Return what the first row says, without its version and its checksum.

    Raises:
        Unreadable: it is no header, or has changed since it was written.
    """
    header = parse_object(row)
    if "ledger" not in header:
        raise Unreadable(f'expected a header {{"ledger": {VERSION}, ...}}, found a line without "ledger"')
    version = header["ledger"]
    if version != VERSION or type(version) is not int:
        raise Unreadable(
            f"expected ledger version {VERSION}, found {shown(version)}: use the release of `sac` that wrote it"
        )
    for part in ("config", "fingerprint", "versions"):
        if part in header:
            member(header, part, dict)
    if "drift" in header:
        _require_drift(member(header, "drift", list))
    if is_broken(header):
        raise Unreadable("damaged: the header is not what was written, its checksum says")
    return {name: value for name, value in header.items() if name not in ("ledger", MEMBER)}


def _require_drift(entries: list[Any]) -> None:
    """What a run resumed under another arithmetic leaves in its header."""
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("differences"), list):
            raise Unreadable(f"expected 'drift' to list differences, found {shown(entry)}")
