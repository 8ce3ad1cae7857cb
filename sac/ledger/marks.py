"""Where within one iteration two rollouts diverge: env step, environment, and the channel that was first in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

IN_TIME = ("rollout.obs", "rollout.action", "rollout.reward", "rollout.next_obs", "rollout.done", "env.seed")
"""Channels of the rollout in the order of one env step; the step ends by seeding the episodes that begin."""

_WIDTH = 4
"""Hexadecimal digits of one mark; see `Digester.row_marks`."""


class RolloutPlace(NamedTuple):
    """The first difference in time within an iteration.

    Attributes:
        step: env step within the iteration, from 0.
        environment: lowest index of the environments that differ there.
        channel: first channel of that step that differs.
    """

    step: int
    environment: int
    channel: str


def locate(a: Mapping[str, str], b: Mapping[str, str], num_envs: object) -> RolloutPlace | None:
    """Find the first place where the marks of two ledger lines differ; None if they don't tell.

    Args:
        a: channel -> marks, environments of one step side by side.
        b: the same for the other ledger.
        num_envs: number of environments, from the ledger's header.
    """
    if not isinstance(num_envs, int) or num_envs < 1:
        return None
    places = []
    for order, channel in enumerate(IN_TIME):
        left, right = a.get(channel, ""), b.get(channel, "")
        if len(left) != len(right):
            return None
        rows = [row for row in range(len(left) // _WIDTH) if _mark(left, row) != _mark(right, row)]
        if rows:
            step, environment = divmod(rows[0], num_envs)
            places.append((step, order, environment))
    if not places:
        return None
    step, order, environment = min(places)
    return RolloutPlace(step, environment, IN_TIME[order])


def _mark(marks: str, row: int) -> str:
    return marks[_WIDTH * row : _WIDTH * (row + 1)]
