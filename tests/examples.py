"""How many examples there are where each is dear: of those that Hypothesis draws, and of a long list."""

import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

from tests.nightly import NIGHTLY

Case = TypeVar("Case")


def fewer(times: int) -> settings:
    """So many times fewer examples than the profile has: in a gate, and by as much each night."""
    return settings(max_examples=max(5, settings.default.max_examples // times))


def some_of(cases: Sequence[Case], count: int) -> list[Case]:
    """In a gate `count` of the cases, the first and the last among them, always the same; all of them each night."""
    if NIGHTLY or len(cases) <= count:
        return list(cases)
    inner = random.Random(0).sample(range(1, len(cases) - 1), count - 2)
    return [cases[place] for place in (0, *sorted(inner), len(cases) - 1)]
