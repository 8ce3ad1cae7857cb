"""Warnings of the libraries that a task is built with: each is shown once, not in each environment and process."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

_LIBRARIES = ("mani_skill", "gymnasium", "sapien", "pytorch_kinematics")
_LOGGERS = ("mani_skill", "mani_skill ")
"""ManiSkill's own logger has a space at the end of its name."""


class _Once(logging.Filter):
    """Lets each text pass once, or only errors where all else is shown elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self._seen: set[str] = set()

    def is_new(self, text: str) -> bool:
        """Whether a text is to be shown."""
        new = not self.silent and text not in self._seen
        self._seen.add(text)
        return new

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record of a logger is to be shown."""
        return record.levelno >= logging.ERROR or self.is_new(record.getMessage())


_ONCE = _Once()


class _Show:
    """Stands in for `warnings.showwarning`, which some libraries have called again for the same warning."""

    def __init__(self, show: Callable[..., Any]) -> None:
        self._show = show

    def __call__(self, message: Any, category: Any, filename: str, lineno: int, *rest: Any, **more: Any) -> None:
        """Show a warning, unless it is a library's and known."""
        theirs = any(f"/{library}/" in filename.replace("\\", "/") for library in _LIBRARIES)
        if not theirs or _ONCE.is_new(f"{category.__name__}: {message}"):
            self._show(message, category, filename, lineno, *rest, **more)


def show_once(*, silent: bool = False) -> None:
    """Show each warning of these libraries once in this process from now on; calling again changes nothing.

    Args:
        silent: not even once, since another process that does the same shows it; errors are shown all the same.
    """
    _ONCE.silent = _ONCE.silent or silent
    for name in _LOGGERS:
        # Adding it again does nothing.
        logging.getLogger(name).addFilter(_ONCE)
    if not isinstance(warnings.showwarning, _Show):
        warnings.showwarning = _Show(warnings.showwarning)
