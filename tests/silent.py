"""Flags of small trainings, for tests and tools alike; processes that tests start need no Hypothesis for them."""

from typing import Any

SILENT: dict[str, Any] = {
    "capture_video": False,
    "save_model": False,
    "tensorboard": False,
    "progress": False,
    "checkpoint_freq": "0",
}
"""Flags of a training that leaves and shows nothing but what it is asked for."""
