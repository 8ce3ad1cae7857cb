"""The command line that starts this very package in a fresh process.

`python -m sac` would look in the working directory first, and users of ManiSkill keep a `sac.py` there.
"""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = """
import importlib.util, sys
sys.path[:1] = []
spec = importlib.util.spec_from_file_location("sac", {init!r})
sys.modules["sac"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["sac"])
"""


def command(arguments: list[str]) -> list[str]:
    """The command `sac` with these arguments."""
    return python("from sac.cli import program\nsys.exit(program())", arguments)


def python(program: str, arguments: list[str] | None = None) -> list[str]:
    """A Python program in which `import sac` means this package."""
    init = str(Path(__file__).with_name("__init__.py").resolve())
    return [sys.executable, "-c", _PROGRAM.format(init=init) + program, *(arguments or [])]
