"""Puts off what ManiSkill imports to draw plots: nothing here draws any, and every process would pay for it.

Matplotlib's interface for plots takes 0.3 to 0.6 of the 5.4 seconds in which ManiSkill's tasks are imported, and 15 of
the 480 MB of each process (CPU seconds on a busy Intel Xeon, family 6, model 207).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_PUT_OFF = ("matplotlib.pyplot", "matplotlib.animation")
"""Modules without parts: what stands for one is never asked where these lie."""


class _Later(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        # What the machinery of imports asks of every module is no use of it.
        if name.startswith("__"):
            raise AttributeError(name)
        _withdraw()
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def plots_put_off() -> Iterator[None]:
    """What is imported within the block has plots imported only when it draws; later imports find them as ever."""
    for name in _PUT_OFF:
        sys.modules.setdefault(name, _Later(name))
    try:
        yield
    finally:
        _withdraw()


def _withdraw() -> None:
    """Let imports find the modules themselves from now on."""
    for name in _PUT_OFF:
        if isinstance(sys.modules.get(name), _Later):
            del sys.modules[name]
