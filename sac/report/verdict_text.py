"""A verdict's text, as `sac diff`, a failed test and a log all print it, taken apart again for the gate's summary.

Only the gate needs it: a failed test may have heard the verdict from another process, and then its text is all there
is. Who holds two ledgers has the verdict's fields, see `sac.ledger.divergence`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from sac.ledger.divergence import DetailName

_HEAD = re.compile(r"diverged at iteration (\d+) \(global step (\d+)\), channel ([\w.]+)(?:, (.+))?")
_NAMES = "|".join(get_args(DetailName))
_DETAIL = re.compile(rf"\s+({_NAMES}): (.+)")


@dataclass(frozen=True)
class VerdictText:
    """Where two runs part, and what the verdict says of it, in its own words."""

    iteration: int
    global_step: int
    channel: str
    place: str = ""
    details: tuple[tuple[str, str], ...] = ()

    def detail(self, name: str) -> str:
        """One of the verdict's lines, empty where it has none of that name."""
        return dict(self.details).get(name, "")

    @property
    def headline(self) -> str:
        """Where, in one sentence."""
        place = f", {self.place}" if self.place else ""
        return f"diverged at iteration {self.iteration} (global step {self.global_step}), channel {self.channel}{place}"

    @property
    def explained(self) -> bool:
        """Whether the cause is one of the known ones, not merely what differs between the two commands."""
        return self.detail("likely cause").startswith("stage ")


def find_verdicts(text: str) -> list[VerdictText]:
    """All verdicts in a text; what surrounds them (a test's traceback, its line prefixes) is passed over."""
    found: list[VerdictText] = []
    for line in text.splitlines():
        if head := _HEAD.search(line):
            place = head[4] or ""
            found.append(VerdictText(int(head[1]), int(head[2]), head[3], place.strip()))
        elif found and (detail := _DETAIL.search(line)):
            last = found[-1]
            if not last.detail(detail[1]):
                known = (*last.details, (detail[1], detail[2].strip()))
                found[-1] = VerdictText(last.iteration, last.global_step, last.channel, last.place, known)
    return found
