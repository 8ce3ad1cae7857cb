"""A checksum that a JSON object holds of itself: accidents show, hands that mean harm are not kept off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MEMBER = "sha256"
"""Name of the member that holds the checksum of all others."""


def sealed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its checksum as the last member."""
    bare = {name: value for name, value in entry.items() if name != MEMBER}
    return {**bare, MEMBER: _checksum(bare)}


def is_sealed(entry: Mapping[str, Any]) -> bool:
    """Whether an object holds a checksum; those that older releases wrote do not."""
    return MEMBER in entry


def is_broken(entry: Mapping[str, Any]) -> bool:
    """Whether an object holds a checksum that is not its own."""
    return MEMBER in entry and entry[MEMBER] != _checksum({n: v for n, v in entry.items() if n != MEMBER})


def _checksum(bare: Mapping[str, Any]) -> str:
    # Through JSON once: what is written may hold tuples, paths and numbers as keys, what is read no longer does.
    plain = json.loads(json.dumps(bare, default=str))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
