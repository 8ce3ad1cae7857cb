"""`TrainState`: everything that evolves in training, in one object, and the walk over it.

Checkpoint, digest, comparison and resume all walk this object, so none can forget what another remembers. The walk
refuses kinds that it does not know, so a field that is added later can't be missed.
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
        """Return parameters of the given shapes, all zero."""
        flat = torch.zeros(sum(map(math.prod, shapes.values())), dtype=torch.float32, device=device)
        return cls(flat, _views(flat, shapes))

    def views_of(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return views of the same names and shapes into another flat tensor (n,), of gradients for example."""
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
        """Return the state before the first step, for flat parameters (n,)."""
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
        written: rows written since the run began, including those replaced since.
    """

    rows: torch.Tensor
    position: int = 0
    size: int = 0
    written: int = 0


@dataclass
class EpisodeState:
    """Running totals of the episode that each of N environments is in; all tensors are (N,)."""

    episode_return: torch.Tensor
    length: torch.Tensor
    success_once: torch.Tensor
    fail_once: torch.Tensor

    @classmethod
    def zeros(cls, num_envs: int) -> EpisodeState:
        """Return the totals at the start of an episode."""
        return cls(
            torch.zeros(num_envs, dtype=torch.float64),
            torch.zeros(num_envs, dtype=torch.int64),
            torch.zeros(num_envs, dtype=torch.bool),
            torch.zeros(num_envs, dtype=torch.bool),
        )


@dataclass
class EpisodeSums:
    """Sums over ended episodes, for their means; their size does not grow with the number of episodes.

    Attributes:
        sums: (M,) float64, in the order of `episodes.EPISODE_METRICS`.
        count: number of episodes.
    """

    sums: torch.Tensor
    count: int = 0

    @classmethod
    def zeros(cls, metrics: int) -> EpisodeSums:
        """Return sums over no episode."""
        return cls(torch.zeros(metrics, dtype=torch.float64))


@dataclass
class CollectorState:
    """Where the training environments stand.

    The simulator itself can't be stored. Its state in mid-episode is a function of the episode's seed and the actions
    since, and those are here.

    Attributes:
        observation: (N, O) float32, what the policy sees next.
        episodes: (N,) int64, index of the episode each environment is in.
        totals: of the episodes under way; `totals.length` counts their steps.
        actions: (N, longest episode, A) float32 on the CPU; the first `totals.length[i]` rows of environment i are the
            actions of its episode so far, the rest is left over from earlier episodes.
        since_evaluation: training episodes that ended since the last evaluation.
        since_log: training episodes that ended since losses were last logged.
        steps: steps that each environment has taken since the run began.
    """

    observation: torch.Tensor
    episodes: np.ndarray
    totals: EpisodeState
    actions: torch.Tensor
    since_evaluation: EpisodeSums
    since_log: EpisodeSums
    steps: int = 0


@dataclass
class MetricsState:
    """What the moving averages of `metrics.csv` need.

    Attributes:
        recent: (window, columns) float64, the last evaluations as a ring.
        evaluations: evaluations so far.
    """

    recent: torch.Tensor
    evaluations: int = 0

    @classmethod
    def zeros(cls, window: int, columns: int) -> MetricsState:
        """Return the state before the first evaluation."""
        return cls(torch.zeros((window, columns), dtype=torch.float64))


@dataclass
class TrainState:
    """Everything that evolves in a training run."""

    learner: LearnerState
    replay: ReplayState
    collector: CollectorState
    metrics: MetricsState
    iteration: int = 0
    global_step: int = 0


def put(node: object, name: str, value: Leaf) -> None:
    """Set the leaf with a dotted name; tensors and arrays change in place, since others hold views of them.

    Raises:
        ValueError: kind, dtype or shape differ from those of the leaf.
    """
    *parents, last = name.split(".")
    for parent in parents:
        node = getattr(node, parent)
    held = getattr(node, last)
    if describe(held) != describe(value):
        raise ValueError(f"{name} is {describe(value)}, but must be {describe(held)}")
    if isinstance(held, torch.Tensor) and isinstance(value, torch.Tensor):
        held.copy_(value)
    elif isinstance(held, np.ndarray):
        held[...] = value
    else:
        setattr(node, last, value)


def describe(leaf: Leaf) -> str:
    """Describe a leaf's kind, dtype and shape, for comparison and for messages."""
    if isinstance(leaf, torch.Tensor | np.ndarray):
        kind = "tensor" if isinstance(leaf, torch.Tensor) else "array"
        return f"a {kind} of {str(leaf.dtype).removeprefix('torch.')} {tuple(leaf.shape)}"
    return f"a {type(leaf).__name__}"


def walk(node: object, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield (dotted name, leaf) for everything in `node` in a fixed order, without views of what was yielded.

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
