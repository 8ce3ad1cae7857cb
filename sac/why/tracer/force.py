"""What a run is made to do otherwise, to prove a cause: at one place, what comes from outside is replaced.

`sac why` names the places in the environment. Both runs get the same fixed value there; all else stays as it was. If
they then part later, or not at all, what came from outside at that place was the cause.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from .place import Place

EPOCH = 1_700_000_000.0
TICK = 2**-10
"""A forced clock starts at `EPOCH` seconds, and goes on by `TICK` seconds each time that it is read.

A power of two can be added without rounding: what has passed since an instant is the same whatever that was.
"""

IN_FILE = "@"
NUMBER = 1234
"""What a generator is seeded with where that is forced."""


class ForcedSite:
    """One place whose values are replaced; it counts how often it was asked."""

    def __init__(
        self,
        relative: bool = False,
        values: Mapping[str, str] | None = None,
        said: str = "",
        bases: Collection[tuple[str, int]] = (),
    ) -> None:
        self._asked = 0
        self.values = values or {}
        """Results to be given again, by the time of the call."""
        self.relative = relative
        """Whether a clock goes on from what it showed elsewhere, rather than from a fixed instant."""
        self._bases = bases
        """Lines whose reading is subtracted from this one, as far as they are known."""
        self._base: list[Any] = []
        self.said = said
        """What a program says, as hexadecimal digits."""

    def base_of(self, shown: dict[Any, Any]) -> Any:
        """Return the line from whose reading a clock goes on: the last of those that are subtracted from this one.

        Where none is known, it is the line before the first of this site's own. A loop that looks whether its time is
        over may ask for the time elsewhere too, to show its speed.
        """
        known = next((line for line in reversed(shown) if line in self._bases), None)
        if known is not None:
            return known
        if not self._base:
            self._base = [next(reversed(shown), None)]
        return self._base[0]

    def stream(self, size: int) -> bytes:
        """Return the next bytes of a fixed stream."""
        self._asked += 1
        return hashlib.shake_128(f"sac why {self._asked}".encode()).digest(size)

    def number(self) -> int:
        """Return the next of a fixed sequence of seeds."""
        self._asked += 1
        return NUMBER + self._asked

    def later(self, since: float) -> float:
        """Return an instant that lies behind `since` by one tick for each time that it was asked for."""
        self._asked += 1
        return since + TICK * self._asked


class Forced:
    """All that a run is made to do otherwise; mostly nothing.

    Args:
        setting: a JSON list of `{"kind": ..., "file": ..., "line": ...}`; without a file, it is everywhere. What is
            long lies in a file, whose path stands behind an `@`.
    """

    def __init__(self, setting: str = "") -> None:
        self._sites: dict[str, dict[tuple[str, int] | None, ForcedSite]] = {}
        self._generators: set[str] = set()
        if setting.startswith(IN_FILE):
            with open(setting[len(IN_FILE) :], encoding="utf-8") as file:
                setting = file.read()
        for entry in json.loads(setting or "[]"):
            if entry["kind"] == "generator":
                self._generators.add(entry["name"])
                continue
            place = (entry["file"], entry["line"]) if "file" in entry else None
            bases = {(entry["file"], line) for line in entry.get("bases", ())}
            said = str(entry.get("said", ""))
            site = ForcedSite(bool(entry.get("relative")), entry.get("values"), said, bases)
            self._sites.setdefault(entry["kind"], {})[place] = site
        self.shown: dict[str, dict[tuple[str, int] | None, Any]] = {}
        """Clocks -> what they showed last at each line where they were not forced."""

    def __contains__(self, kind: str) -> bool:
        return kind in self._sites

    def everywhere(self, kind: str) -> ForcedSite | None:
        """Return the site of a kind that is forced everywhere."""
        return self._sites.get(kind, {}).get(None)

    def at(self, kind: str, place: Place | None) -> ForcedSite | None:
        """Return the site of a kind at a place, if it is forced there."""
        sites = self._sites.get(kind)
        if not sites:
            return None
        here = sites.get((place.file, place.line)) if place is not None else None
        return here or sites.get(None)

    def at_generator(self, name: str) -> bool:
        """Whether a global generator is to be seeded at the start."""
        return name in self._generators

    def lines(self, kind: str, file: str) -> set[int]:
        """Return the lines of a file at which a kind is forced."""
        return {place[1] for place in self._sites.get(kind, {}) if place is not None and place[0] == file}

    def clock(self, name: str, real: Any, site: ForcedSite | None, line: tuple[str, int] | None = None) -> Any:
        """Return what a clock shows: its real value, unless it is forced.

        Args:
            name: of the clock.
            real: seconds as a float, or nanoseconds as an int.
            site: where it is forced; None if it isn't.
            line: that asks.
        """
        shown = self.shown.setdefault(name, {})
        if site is None:
            # What was asked last stands last.
            shown.pop(line, None)
            shown[line] = real
            return real
        scale = 1 if isinstance(real, float) else 10**9
        since = shown.get(site.base_of(shown), EPOCH * scale) if site.relative else EPOCH * scale
        return type(real)(site.later(since / scale) * scale)
