"""What two ledgers let compare: equality of runs that never learned says nothing about learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sac.ledger.line import Line

REQUIRED: Mapping[str, tuple[str, str]] = {
    "update": ("gradient step", "update.critic_loss"),
    "evaluation": ("evaluation", "eval.return"),
}
"""What `--require` takes: words for it, and the channel that shows it."""


def compared(left: Line, right: Line) -> frozenset[str]:
    """Return which of `REQUIRED` two lines of one iteration let compare."""
    both = left.digests.keys() & right.digests.keys()
    return frozenset(name for name, (_, channel) in REQUIRED.items() if channel in both)


def missing_notes(found: frozenset[str], config: Mapping[str, Any]) -> list[str]:
    """Say what was never compared.

    Args:
        found: what was.
        config: the flags of the first run; evaluations that nobody asked for are no lack.
    """
    notes = []
    if "update" not in found:
        flags = {name: config.get(name) for name in ("learning_starts", "total_timesteps", "utd")}
        shown = ", ".join(f"{name} is {value}" for name, value in flags.items() if value is not None)
        notes.append(
            f"no gradient step was compared, so nothing is said about learning{f' ({shown})' if shown else ''}"
        )
    if "evaluation" not in found and config.get("eval_freq"):
        notes.append("no evaluation was compared")
    return notes


def lacking(found: frozenset[str], required: Sequence[str]) -> str:
    """Say which requirement is not met; empty where all are."""
    for name in required:
        if name not in found:
            return f"--require {name}: no {REQUIRED[name][0]} was compared; let the runs train until there is one"
    return ""
