"""What the package prints, all of it: nothing from a file can move the cursor, change colours, or forge a line."""

from __future__ import annotations

import sys
from typing import TextIO

from sac.display.visible import one_line, visible


def say(text: str, *, end: str = "\n") -> None:
    """Print text on standard output."""
    _put(visible(text), sys.stdout, end)


def complain(text: str, *, end: str = "\n") -> None:
    """Print text on standard error."""
    _put(visible(text), sys.stderr, end)


def refuse(who: str, reason: object) -> None:
    """Print one line on standard error: which command refuses what, whatever the reason's text holds."""
    _put(f"{visible(who)}: {one_line(str(reason))}", sys.stderr, "\n")


def _put(text: str, stream: TextIO | None, end: str) -> None:
    # A process may have been started without one of the streams.
    if stream is not None:
        print(text, file=stream, end=end, flush=True)
