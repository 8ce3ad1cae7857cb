"""What can go wrong when native code is read or changed."""

from __future__ import annotations

from sac.errors import UserError


class NotReplaceable(UserError, RuntimeError):
    """An instruction whose result the CPU's vendor chose can't be made exact; the message says which."""
