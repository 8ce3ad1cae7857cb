"""What can go wrong when native code is read or changed."""

from __future__ import annotations


class NotReplaceable(RuntimeError):
    """An instruction whose result the CPU's vendor chose can't be made exact; the message says which."""
