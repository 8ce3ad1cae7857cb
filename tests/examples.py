"""How many examples Hypothesis draws where each is dear."""

from hypothesis import settings


def fewer(times: int) -> settings:
    """So many times fewer examples than the profile has: in a gate, and by as much each night."""
    return settings(max_examples=max(5, settings.default.max_examples // times))
