"""What tests and tools share: how many examples Hypothesis draws where each is dear, and flags of small trainings."""

from typing import Any

from hypothesis import settings


def fewer(times: int) -> settings:
    """So many times fewer examples than the profile has: in a gate, and by as much each night."""
    return settings(max_examples=max(5, settings.default.max_examples // times))


SILENT: dict[str, Any] = {
    "capture_video": False,
    "save_model": False,
    "tensorboard": False,
    "progress": False,
    "checkpoint_freq": "0",
}
"""Flags of a training that leaves and shows nothing but what it is asked for."""
