"""The smallest change that a run can meet: one number becomes its neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from sac.state import Parameters, TrainState

Target = Literal["weight", "observation"]


@dataclass(frozen=True)
class Planted:
    """What was changed: which number, and its values before and after."""

    place: str
    before: float
    after: float


class OneUlp:
    """Moves one float32 to its neighbour, away from zero, before one iteration.

    It takes the number of largest magnitude: of all parameters of the actor, or of the observation that environment 0's
    next action is chosen from. One that is zero, or feeds a unit that is never active, would change nothing.

    Args:
        target: where.
        iteration: before which, from 1.

    Attributes:
        planted: what was changed; None before.
    """

    def __init__(self, target: Target, iteration: int) -> None:
        self.target, self.iteration = target, iteration
        self.planted: Planted | None = None

    def __call__(self, state: TrainState) -> None:
        """Change the state if its next iteration is the one."""
        if state.iteration + 1 != self.iteration:
            return
        if self.target == "weight":
            flat = state.learner.actor.flat
            index = int(flat.abs().argmax())
            place = f"actor {_named(state.learner.actor, index)}"
        else:
            flat = state.collector.observation[0]
            index = int(flat.abs().argmax())
            place = f"observation of environment 0, component {index}"
        self.planted = Planted(place, *to_neighbour(flat, index))


def to_neighbour(flat: torch.Tensor, index: int) -> tuple[float, float]:
    """Move one element of a tensor (n,) to the next float away from zero; return it before and after."""
    before = flat[index].clone()
    away = torch.full_like(before, torch.inf if float(before) >= 0 else -torch.inf)
    flat[index] = torch.nextafter(before, away)
    return float(before), float(flat[index])


def _named(parameters: Parameters, index: int) -> str:
    """Which parameter lies at an index of the flat tensor."""
    for name, view in parameters.views.items():
        if index < view.numel():
            return f"{name}[{', '.join(str(int(at)) for at in np.unravel_index(index, tuple(view.shape)))}]"
        index -= view.numel()
    raise IndexError(f"the parameters end {index + 1} places before")
