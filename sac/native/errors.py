"""What can go wrong when native code is read or changed."""

from __future__ import annotations

from sac.errors import UserError


class NotReplaceable(UserError, RuntimeError):
    """A library holds an instruction whose result the CPU's vendor chose, and it can't be made exact; says which."""
