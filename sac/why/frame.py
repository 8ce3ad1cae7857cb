"""Lines of code around a place, as they stood when the answer was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sac.untrusted.file import Unreadable, source_lines
from sac.why.tracer.place import Place

CONTEXT = 2


class Frame(NamedTuple):
    """A place, and the numbered lines around it."""

    place: Place
    lines: tuple[tuple[int, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The frame as an object for scripts."""
        place = self.place
        return {"file": place.file, "line": place.line, "function": place.function, "lines": list(self.lines)}


def frames_of(root: Path, *places: Place) -> tuple[Frame, ...]:
    """Return one frame for each line of code that can be read, in the order of the places."""
    wanted = {(place.file, place.line): place for place in reversed(places)}
    found = (_frame(root, place) for place in reversed(wanted.values()))
    return tuple(frame for frame in found if frame.lines)


def _frame(root: Path, place: Place) -> Frame:
    try:
        lines = source_lines(root / place.file)
    except Unreadable:
        return Frame(place, ())
    first, last = max(1, place.line - CONTEXT), min(len(lines), place.line + CONTEXT)
    return Frame(place, tuple((number, lines[number - 1]) for number in range(first, last + 1)))
