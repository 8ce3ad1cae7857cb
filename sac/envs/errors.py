"""Errors about environments that the user can fix with a flag."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sac.errors import UserError


class BadEnvironment(UserError, ValueError):
    """An environment can't be built as asked; the message names the flag, its value and what would be valid."""


def unknown_value(flag: str, value: str, valid: Iterable[str], *, show_all: bool) -> BadEnvironment:
    """Return the error for a value that is not valid.

    Args:
        flag: the command-line flag, for example ``--env_id``.
        value: what was given.
        valid: what could have been given.
        show_all: list all valid values, not only those similar to `value`.
    """
    known = sorted(valid)
    by_lower = {name.lower(): name for name in known}
    close = [by_lower[match] for match in difflib.get_close_matches(value.lower(), by_lower, n=5, cutoff=0.6)]
    hints = [f"did you mean {' or '.join(close)}?"] if close else []
    if show_all or not close:
        hints.append(f"valid values: {', '.join(known)}")
    return BadEnvironment(f"{flag} {value!r} is not known; {' '.join(hints)}")
