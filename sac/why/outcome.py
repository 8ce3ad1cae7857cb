"""The exit status of an answer, and the sentence that goes with it."""

from __future__ import annotations

from sac.why.compare import TraceComparison
from sac.why.sharing import REMEDY

EQUAL, DIVERGED, ERROR = 0, 1, 2
_SHOWN = 5


def outcome_of(comparison: TraceComparison) -> tuple[int, str]:
    """Return the status, and why nothing is proved; empty if something is."""
    if comparison.divergence is not None:
        shared = comparison.disturbed
        return (DIVERGED, "") if shared is None else (ERROR, f"the two runs share {shared.name}: {REMEDY}")
    if comparison.lost:
        return ERROR, comparison.lost
    if comparison.failed:
        return ERROR, "equal as far as they came, but the command failed (see the notes)"
    if comparison.unseen:
        return DIVERGED, ""
    if comparison.uncovered:
        return ERROR, "equal as far as they were followed, but not all of them was"
    if comparison.uncompared:
        return ERROR, "equal in all that could be compared, but not all could be"
    if not comparison.compared:
        return ERROR, "no event was seen in both runs: equality would say nothing"
    return EQUAL, ""


def uncompared_lines(comparison: TraceComparison) -> list[str]:
    """Return what was not compared, by type and place, the most frequent first."""
    found = comparison.uncompared.most_common()
    lines = [f"{one.text}, {count} times" if count > 1 else one.text for one, count in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    return [*lines, *comparison.uncovered]
