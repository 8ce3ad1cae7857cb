"""Hooks on what other programs print, where a line of the user's own waits for all of it.

What such a program does isn't seen, but what it says is: `date`, `uuidgen` or a script of Perl may decide as well as a
clock. What it said is kept, so that both runs can be told the same where that is forced.
"""

from __future__ import annotations

import functools
import os
import subprocess
from typing import Any

from .recorder import Recorder

_MOST = 4096
"""Bytes of what a program said that are kept."""


def install(recorder: Recorder) -> None:
    """Hook `Popen.communicate`, by which `run`, `check_output` and `getoutput` read too."""
    communicate = subprocess.Popen.communicate

    @functools.wraps(communicate)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        said, errors = communicate(self, *args, **kwargs)
        if not said or recorder.busy():
            return said, errors
        site = recorder.forced("program")
        if site is not None and site.said:
            told = bytes.fromhex(site.said)
            said = told if isinstance(said, bytes) else os.fsdecode(told)
        recorder.source("program", _name(self.args), said, facts={"said": _kept(said)})
        return said, errors

    subprocess.Popen.communicate = traced  # type: ignore[method-assign]


def _name(arguments: Any) -> str:
    """Return the name of the program, without its folder and its arguments: those may be secret."""
    first = arguments if isinstance(arguments, (str, bytes, os.PathLike)) else next(iter(arguments), "")
    words = os.fsdecode(first).split()
    return os.path.basename(words[0]) if words else "?"


def _kept(said: str | bytes) -> str:
    """Return what was said as hexadecimal digits; nothing where it is too much to be told again."""
    told = said if isinstance(said, bytes) else os.fsencode(said)
    return told.hex() if len(told) <= _MOST else ""
