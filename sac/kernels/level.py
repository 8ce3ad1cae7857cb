"""Whether this machine can run the kernels, told without loading torch."""

from __future__ import annotations

import importlib.util
import platform
import sys
from functools import cache


@cache
def level() -> str | None:
    """Return the instruction set for which kernels are compiled here, or None if there are none for this machine."""
    if not (sys.platform == "linux" and platform.machine() == "x86_64" and importlib.util.find_spec("llvmlite")):
        return None
    from sac.kernels.machine_code import best_level

    return best_level()
