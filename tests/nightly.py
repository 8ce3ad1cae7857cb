"""What a gate leaves out, because it is dear and what the gate does try makes the same claim."""

import os

import pytest

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
"""Whether all is tried."""


def at_night(reason: str) -> pytest.MarkDecorator:
    """Leave a test to `./dev nightly`, and print why."""
    return pytest.mark.skipif(not NIGHTLY, reason=f"{reason}: ./dev nightly")
