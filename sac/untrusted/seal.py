"""A checksum that a JSON object holds of itself: accidents show, hands that mean harm are not kept off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sac.untrusted.file import Unreadable

MEMBER = "sha256"
"""Name of the member that holds the checksum of all others."""
_LENGTH = 64
"""Digits of a checksum; nothing else that stands last in an object has as many characters."""


def sealed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its checksum as the last member."""
    bare = {name: value for name, value in entry.items() if name != MEMBER}
    return {**bare, MEMBER: _checksum(bare)}


def is_sealed(entry: Mapping[str, Any]) -> bool:
    """Whether an object holds a checksum; those that older releases wrote do not."""
    return MEMBER in entry


def is_broken(entry: Mapping[str, Any]) -> bool:
    """Whether an object holds a checksum that is not its own, or one under a name that was damaged."""
    if MEMBER not in entry:
        last = next(reversed(list(entry.values())), None)
        return isinstance(last, str) and len(last) == _LENGTH
    return bool(entry[MEMBER] != _checksum({name: value for name, value in entry.items() if name != MEMBER}))


def require_sealed(entry: Mapping[str, Any], path: Path) -> None:
    """Refuse an object that was changed since it was written; one without a checksum is taken as it is.

    Raises:
        Unreadable: it holds a checksum that is not its own; the message says what to do.
    """
    if is_broken(entry):
        raise Unreadable(
            f"damaged or edited: its content is not what was written, its own checksum says. Put the original back, or "
            f"remove the member {MEMBER!r} from it to have it taken as it is",
            path,
        )


def _checksum(bare: Mapping[str, Any]) -> str:
    # Through JSON once: what is written may hold tuples, paths and numbers as keys, what is read no longer does.
    plain = json.loads(json.dumps(bare, default=str))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
