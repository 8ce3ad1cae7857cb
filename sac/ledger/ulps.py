"""How far apart two floats are, counted in floats."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Ulps(NamedTuple):
    """A distance between two floats.

    Attributes:
        distance: steps of `nextafter` from one to the other.
        kind: the type whose floats were counted, ``float32`` or ``float64``.
    """

    distance: int
    kind: str


def ulp_distance(a: float, b: float) -> Ulps | None:
    """Count the floats from a to b: as float32 where both are exactly that, else as float64; None for NaN."""
    if a != a or b != b:
        return None
    kind, integer, name = ("<f", "<i", "float32") if _is_float32(a) and _is_float32(b) else ("<d", "<q", "float64")
    return Ulps(abs(_ordinal(a, kind, integer) - _ordinal(b, kind, integer)), name)


def _is_float32(value: float) -> bool:
    """Tell whether a float survives the way to float32 and back."""
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == value)
    except OverflowError:
        return False


def _ordinal(value: float, kind: str, integer: str) -> int:
    """Number the floats in ascending order, both zeros 0."""
    bits: int = struct.unpack(integer, struct.pack(kind, value))[0]
    lowest = -(2 ** (8 * struct.calcsize(integer) - 1))
    return bits if bits >= 0 else lowest - bits
