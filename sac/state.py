"""`TrainState`: everything that evolves in training, in one object, and the walk over it.

Checkpoint, digest, comparison and resume all walk this object. What is forgotten in one is forgotten in all, and the
walk refuses what it does not know, so that a field added later cannot go unseen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

Leaf = torch.Tensor | np.ndarray | int


@dataclass
class Parameters:
    """Named parameters that share one flat tensor, so that an optimizer step or a target update is one operation.

    Attributes:
        flat: (n,) float32.
        views: name -> view into `flat`, in a fixed order without gaps.
    """

    flat: torch.Tensor
    views: dict[str, torch.Tensor] = dataclasses.field(metadata={"derived": True})

    @classmethod
    def zeros(cls, shapes: Mapping[str, tuple[int, ...]], device: torch.device) -> Parameters:
        """Parameters of the given shapes, all zero."""
        flat = torch.zeros(sum(map(math.prod, shapes.values())), dtype=torch.float32, device=device)
        return cls(flat, _views(flat, shapes))

    def views_of(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of the same names and shapes into another flat tensor, of gradients for example."""
        return _views(flat, {name: tuple(view.shape) for name, view in self.views.items()})


def _views(flat: torch.Tensor, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    pieces = torch.split(flat, [math.prod(shape) for shape in shapes.values()])
    return {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


@dataclass
class AdamState:
    """First and second moments of Adam (Kingma and Ba, 2015, algorithm 1), flat like the parameters they belong to."""

    step: torch.Tensor
    exp_avg: torch.Tensor
    exp_avg_sq: torch.Tensor

    @classmethod
    def zeros_like(cls, flat: torch.Tensor) -> AdamState:
        """The state before the first step."""
        step = torch.zeros((), dtype=torch.float32, device=flat.device)
        return cls(step, torch.zeros_like(flat), torch.zeros_like(flat))


@dataclass
class LearnerState:
    """What gradient steps change: networks, targets, temperature, optimizer moments, and their count."""

    actor: Parameters
    critic: Parameters
    target: Parameters
    log_alpha: torch.Tensor
    actor_optim: AdamState
    critic_optim: AdamState
    alpha_optim: AdamState
    updates: int = 0


@dataclass
class ReplayState:
    """The replay buffer.

    Attributes:
        rows: (capacity, N, D) float32, one packed transition each; `replay.RowLayout` names the columns.
        position: row that the next transition is written to.
        size: rows that hold transitions.
    """

    rows: torch.Tensor
    position: int = 0
    size: int = 0


@dataclass
class EpisodeState:
    """Running totals of the episode that each of N environments is in; all tensors are (N,)."""

    episode_return: torch.Tensor
    length: torch.Tensor
    success_once: torch.Tensor
    fail_once: torch.Tensor

    @classmethod
    def zeros(cls, num_envs: int) -> EpisodeState:
        """Totals at the start of an episode."""
        return cls(
            torch.zeros(num_envs, dtype=torch.float64),
            torch.zeros(num_envs, dtype=torch.int64),
            torch.zeros(num_envs, dtype=torch.bool),
            torch.zeros(num_envs, dtype=torch.bool),
        )


@dataclass
class CollectorState:
    """Where the training environments stand.

    Attributes:
        observation: (N, O) float32, what the policy sees next.
        episodes: (N,) int64, index of the episode each environment is in.
        steps: steps that each environment has taken since the run began.
        totals: of the episodes under way.
    """

    observation: torch.Tensor
    episodes: np.ndarray
    totals: EpisodeState
    steps: int = 0


@dataclass
class TrainState:
    """All that evolves in a training run."""

    learner: LearnerState
    replay: ReplayState
    collector: CollectorState
    iteration: int = 0
    global_step: int = 0


def walk(node: object, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield (dotted name, leaf) for everything in `node`, in a fixed order; views of what was yielded are left out.

    Raises:
        TypeError: a leaf is of a kind that can't be stored and compared exactly.
    """
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        for field in dataclasses.fields(node):
            if not field.metadata.get("derived"):
                yield from walk(getattr(node, field.name), f"{prefix}.{field.name}" if prefix else field.name)
    elif isinstance(node, torch.Tensor | np.ndarray | int):
        yield prefix, node
    else:
        raise TypeError(
            f"{prefix}: {type(node).__name__} is not a dataclass, tensor, array or int: walk can't store it"
        )
