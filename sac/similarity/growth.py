"""How two runs part: the distance of their policies at each evaluation, and what those found."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from sac.config import BadConfig
from sac.run.folder import RunFolder
from sac.run.metrics_table import read_metrics
from sac.similarity.comparison import actor_distance
from sac.similarity.measures import action_distance
from sac.similarity.saved_actor import read_actor
from sac.statistics.tables import Table, to_csv
from sac.untrusted.file import Unreadable

_NAME = re.compile(r"policy_(\d{1,18})\.pt")
_SCORES = ("success_once", "return")


@dataclass(frozen=True)
class GrowthRow:
    """Two runs at one evaluation; A is the run as it is, B the changed one.

    Attributes:
        iteration: that of training.
        global_step: env steps of all environments together.
        parameters_relative: L2 distance of the actors' parameters, divided by A's norm.
        parameters_largest: largest absolute difference of a parameter of the actors.
        bits_equal: whether the actors' bits are equal.
        action_mean: L2 distance of tanh(mean) on the same observations, on average.
        action_max: the largest of those.
        success_once_a: share of A's evaluation episodes with success; NaN where none was recorded.
        success_once_b: the same of B.
        return_a: mean return of A's evaluation episodes; NaN likewise.
        return_b: the same of B.
    """

    iteration: int
    global_step: int
    parameters_relative: float
    parameters_largest: float
    bits_equal: bool
    action_mean: float
    action_max: float
    success_once_a: float
    success_once_b: float
    return_a: float
    return_b: float


def growth(a: RunFolder, b: RunFolder, training_freq: int, observation: torch.Tensor) -> list[GrowthRow]:
    """Compare two runs at each evaluation that both have.

    Args:
        a: the run as it is.
        b: the changed one.
        training_freq: env steps of an iteration.
        observation: (N, O), on which actions are compared.

    Raises:
        BadConfig: they have no evaluation in common, or a file of theirs can't be read.
    """
    policies, scores = [_policies(run) for run in (a, b)], [_scores(run) for run in (a, b)]
    steps = sorted(policies[0].keys() & policies[1].keys())
    if not steps:
        raise BadConfig(
            f"{a.checkpoints} and {b.checkpoints}: hold no policies of the same step; train with --eval_freq"
        )
    rows = []
    for step in steps:
        one, two = (read_actor(side, held[step]) for side, held in zip(("A", "B"), policies, strict=True))
        apart = actor_distance(one, two)
        actions = action_distance(one.respond(observation).action, two.respond(observation).action)
        found = [side.get((step, name), math.nan) for name in _SCORES for side in scores]
        rows.append(
            GrowthRow(
                -(-step // training_freq),
                step,
                math.nan if apart.relative is None else apart.relative,
                apart.largest,
                apart.bits_equal,
                float(actions.mean()),
                float(actions.max()),
                *found,
            )
        )
    return rows


def growth_csv(rows: Sequence[GrowthRow]) -> str:
    """The rows with all digits."""
    names = tuple(field.name for field in dataclasses.fields(GrowthRow))
    cells = tuple(tuple(getattr(row, name) for name in names) for row in rows)
    return to_csv(Table("growth", "", names, cells))


def _policies(run: RunFolder) -> dict[int, Path]:
    """Env step -> policy file of each evaluation."""
    named = {path: _NAME.fullmatch(path.name) for path in run.checkpoints.glob("policy_*.pt")}
    return {int(match[1]): path for path, match in named.items() if match}


def _scores(run: RunFolder) -> dict[tuple[int, str], float]:
    """(env step, metric) -> mean over the evaluation's episodes."""
    try:
        table = read_metrics(run.metrics).columns
    except Unreadable as error:
        raise BadConfig(f"{error}; train again in another folder") from error
    return {
        (int(step), name): table[name][at] for at, step in enumerate(table["step"]) for name in _SCORES if name in table
    }
