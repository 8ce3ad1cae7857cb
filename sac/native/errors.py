"""What can go wrong when native code is read or changed."""

from __future__ import annotations


class NotReplaceable(RuntimeError):
    """A library holds an instruction whose result the CPU's vendor chose, and it can't be made exact; says which."""
