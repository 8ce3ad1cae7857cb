"""A file that two runs at once have in common."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sac.why.event import Touch

_DONE = {"write": "changed", "share": "read and changed", "read": "read", "folder": "made or removed"}


@dataclass(frozen=True)
class Shared:
    """A file or folder that both runs touched, and one of them changed at least.

    Attributes:
        path: absolute.
        touches: what each run did first, of what makes the file shared.
        crossed: whether one run may have read what the other one had written.
    """

    path: str
    touches: tuple[Touch, Touch]
    crossed: bool

    @property
    def folder(self) -> bool:
        """Whether it is a folder: one that is there already is mostly no matter."""
        return any(touch.how == "folder" for touch in self.touches)

    @property
    def name(self) -> str:
        """The path as people read it: from the current folder on, where it lies in it."""
        relative = os.path.relpath(self.path)
        return self.path if relative.startswith("..") else relative

    @property
    def text(self) -> str:
        """What each run did to it, and at which line."""
        did = (f"run {run} {_DONE[one.how]} it at {line_of(one)}" for run, one in enumerate(self.touches, start=1))
        return f"{self.name}: {', '.join(did)}"

    def to_json(self) -> dict[str, Any]:
        """The file as an object for scripts."""
        lines = [{"how": one.how, "file": one.place.file, "line": one.place.line} for one in self.touches]
        return {"path": self.path, "crossed": self.crossed, "touches": lines}


def line_of(touch: Touch) -> str:
    """The line that touched the file."""
    return f"{touch.place.file}:{touch.place.line}"
