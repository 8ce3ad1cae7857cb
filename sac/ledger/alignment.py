"""Walks over two ledgers at once, lines of the same iteration side by side; no more than one of each is in memory."""

from __future__ import annotations

from collections.abc import Iterator

from sac.ledger.file import LedgerFile, LedgerSource
from sac.ledger.line import Line

Pair = tuple[Line | None, Line | None]
"""Lines of one iteration, None where a ledger has none."""


def align(a: LedgerSource, b: LedgerSource) -> Iterator[Pair]:
    """Yield the lines of both in the order of their iterations: runs may have recorded at different cadences.

    Raises:
        LedgerError: a line is malformed.
    """
    lefts = a.walk()
    # Where both hold the same bytes, they are parsed once.
    rights = b.walk(a) if isinstance(b, LedgerFile) and isinstance(a, LedgerFile) else b.walk()
    left, right = next(lefts, None), next(rights, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.iteration < right.iteration):
            yield left, None
            left = next(lefts, None)
        elif left is None or right.iteration < left.iteration:
            yield None, right
            right = next(rights, None)
        else:
            yield left, right
            left, right = next(lefts, None), next(rights, None)
