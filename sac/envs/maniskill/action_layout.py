"""Actions of several robots as one vector, and back."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ActionLayout:
    """Where each robot's action lies in the flat one.

    A Dict of actions is flattened in the order of the space's keys, which gymnasium sorts by name where it is made from
    a plain dict: the order of ManiSkill's `FlattenActionSpaceWrapper`, which its `sac.py` puts around such tasks.

    Attributes:
        low: (A,) float32.
        high: (A,) float32.
        parts: name and width of each robot's action, in order; empty where the task's action is flat itself.
    """

    low: np.ndarray
    high: np.ndarray
    parts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, space: Any) -> ActionLayout:
        """The layout of a gymnasium action space.

        Raises:
            ValueError: it is neither a flat Box with bounds nor a Dict of such; the message says what it is.
        """
        spaces = importlib.import_module("gymnasium").spaces
        if isinstance(space, spaces.Dict):
            boxes = dict(space.items())
            for name, box in boxes.items():
                _require_flat(box, f" under {name!r}")
            parts = tuple((str(name), int(box.shape[0])) for name, box in boxes.items())
            bounds = ([getattr(box, end) for box in boxes.values()] for end in ("low", "high"))
            low, high = (np.concatenate(ends).astype(np.float32) for ends in bounds)
            return cls(low, high, parts)
        _require_flat(space, "")
        return cls(np.array(space.low, np.float32), np.array(space.high, np.float32))

    def split(self, action: Any) -> Any:
        """Actions (..., A) as the task takes them: unchanged, or name -> (..., width)."""
        if not self.parts:
            return action
        ends = np.cumsum([width for _, width in self.parts])
        return {
            name: action[..., end - width : end] for (name, width), end in zip(self.parts, map(int, ends), strict=True)
        }


def _require_flat(space: Any, where: str) -> None:
    """Raise where a space is no vector with bounds."""
    spaces = importlib.import_module("gymnasium").spaces
    if space is None:
        raise ValueError("there is no robot, so there are no actions")
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise ValueError(
            f"the action space is a {type(space).__name__}{where}; SAC here needs a vector of actions, or "
            "several under names"
        )
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise ValueError(f"actions{where} have no bounds")
