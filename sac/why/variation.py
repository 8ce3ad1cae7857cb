"""What must not matter is made to differ between the runs, so that "equal" says something."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from sac.why.tracer import unwritten
from sac.why.tracer.run import STRESS
from sac.why.tracer.vary import RATE, SHIFT, SLOW, SLOWLY

_DAYS = SHIFT // 86_400

KINDS: Mapping[str, str] = {
    "hash": "the key of hash()",
    "clock": f"the clock (by {_DAYS} days and some hours; {RATE} times as fast, in a third run {SLOWLY} times as slow)",
    "listing": "the order of directory listings",
    "threads": "how often threads take turns",
    "memory": "what memory holds that nobody has written",
    "addresses": "the order of sets whose elements hash by their addresses",
}
"""What is made to differ, by the names that `--same` takes."""

NATURAL = "process ids, addresses in memory, names of temporary files"
"""What differs by itself."""

_NOTHING: Mapping[str, str] = {}
_STRESSES = {"clock": "clock", "listing": "listdir", "threads": "threads", "memory": unwritten.STRESS}
_STRESSES |= {"addresses": "addresses"}


def environments(same: Iterable[str], runs: int, given: Mapping[str, str] = _NOTHING) -> list[dict[str, str]]:
    """Return the environment variables of each run: every run but the first one is made to differ from it.

    Args:
        same: what was switched off.
        runs: their number.
        given: environment variables that the command sets for itself.
    """
    stress = ",".join(word for name, word in _STRESSES.items() if name not in same)
    made: list[dict[str, str]] = []
    for number in range(1, runs + 1):
        # Whatever counts seconds does something else at one of these paces; a third run is made where two were equal.
        pace = f",{SLOW}" if number % 2 and "clock" not in same else ""
        variables = {STRESS: f"{stress}{pace}" if number > 1 else ""}
        if "PYTHONHASHSEED" not in {**os.environ, **given}:
            variables["PYTHONHASHSEED"] = "1" if "hash" in same else str(number)
        made.append(variables)
    return made


def described(same: Iterable[str], others: Sequence[str], given: Mapping[str, str] = _NOTHING) -> list[str]:
    """Return what differs between the runs, in words.

    Args:
        same: what was switched off.
        others: environment variables that the user lets differ.
        given: those that the command sets for itself.
    """
    off = {*same, *(["hash"] if "PYTHONHASHSEED" in {**os.environ, **given} else [])}
    return [*(words for name, words in KINDS.items() if name not in off), NATURAL, *others]
