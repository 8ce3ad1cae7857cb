"""The gradient steps of one iteration: draw replay indices and noise, gather batches, update.

On a GPU the steps of an iteration, gathers included, are one CUDA graph.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from sac.config import TrainConfig
from sac.digest import digester_for
from sac.learner.cuda_graph import CapturedCall
from sac.learner.sac import Learner, UpdateInfo
from sac.replay import ReplayBuffer
from sac.streams import Stream

MOST_STEPS_IN_A_GRAPH = 64
"""Capturing takes about a second for each hundred steps, and each length has a graph of its own."""


@dataclass(frozen=True)
class Updates:
    """What the U gradient steps of one iteration used and reported; results stay on their devices.

    Attributes:
        index: (U, B) int64 replay indices.
        noise: (U, 2, B, A) float32.
        info: as `UpdateInfo`, with a leading axis. It is U for the critics' entries and alpha. For the actor's and the
            temperature's it is the number of their updates; they are None if there was none.
        batch_sums: (U,) int64, a word sum for each batch; None if no ledger line is due.
        drawn_sums: word sums of index and noise, int64 scalars; None if no ledger line is due.
    """

    index: torch.Tensor
    noise: torch.Tensor
    info: UpdateInfo
    batch_sums: torch.Tensor | None
    drawn_sums: tuple[torch.Tensor, ...] | None


@dataclass(frozen=True)
class _Chunk:
    """What several consecutive gradient steps reported."""

    info: UpdateInfo
    sums: torch.Tensor | None

    def clone(self) -> _Chunk:
        """Return a copy that the next replay of the graph does not overwrite."""
        return _Chunk(_combined([self.info], lambda parts: parts[0].clone()), _copy(self.sums))


class GradientSteps:
    """Runs the gradient steps of one iteration.

    Args:
        config: batch size, steps in an iteration, and whether a GPU's steps are captured in CUDA graphs.
        learner: takes the steps.
        replay: gives the batches.
    """

    def __init__(self, config: TrainConfig, learner: Learner, replay: ReplayBuffer) -> None:
        self.config, self.learner, self.replay = config, learner, replay
        self._index_stream = Stream(config.seed, "replay.index")
        self._noise_stream = Stream(config.seed, "update.noise")
        self._drawn: tuple[int, torch.Tensor] | None = None
        rows = replay.state.rows
        self._rows = torch.empty((config.batch_size, replay.layout.width), device=rows.device)
        self._device = learner.state.log_alpha.device
        capturable = self._device.type == "cuda" and rows.device.type == "cuda"
        self._graphs = _Graphs(self) if config.cuda_graph and capturable else None

    def shares(self, iteration: int, sizes: Sequence[int], *, witnessed: bool) -> Iterator[Updates | None]:
        """Take the iteration's gradient steps in shares, on batches drawn uniformly from the replay buffer.

        Args:
            iteration: its number, which is also the block of its random numbers.
            sizes: gradient steps in each share; their sum is `grad_steps_per_iteration`.
            witnessed: take word sums for the ledger.

        Yields:
            None after each share but the last; after the last, what all of them did.
        """
        shape = (sum(sizes), self.config.batch_size)
        index = torch.from_numpy(self._index_stream.integers(iteration, len(self.replay), shape))
        noise = self._noise(iteration)
        take = self._graphs.take if self._graphs is not None else self.take
        device_index, device_noise = index.to(self.replay.state.rows.device), noise.to(self._device)
        chunks: list[_Chunk] = []
        for share, cuts in enumerate(_cuts(sizes)):
            chunks += [take(device_index[cut], device_noise[cut], witnessed) for cut in cuts]
            if share < len(sizes) - 1:
                yield None
        sums = tuple(digester_for(drawn.device).word_sum(drawn) for drawn in (index, noise)) if witnessed else None
        if self._device.type == "cuda":
            # While the device works: the block of the next iteration is a function of its number alone.
            self._drawn = iteration + 1, self._draw_noise(iteration + 1)
        info = _combined([chunk.info for chunk in chunks], torch.cat)
        yield Updates(index, noise, info, _batch_sums(chunks), sums)

    def take(self, index: torch.Tensor, noise: torch.Tensor, witnessed: bool) -> _Chunk:
        """Take n gradient steps, with indices (n, B) and noise (n, 2, B, A) on their devices."""
        infos, sums = [], []
        for step in range(len(index)):
            rows = self.replay.gather(index[step], out=self._rows)
            if witnessed:
                sums.append(digester_for(rows.device).word_sum(rows))
            infos.append(self.learner.update(self.replay.layout.unpack(rows.to(self._device)), noise[step]))
        return _Chunk(_stacked(infos), torch.stack(sums) if witnessed else None)

    def _noise(self, iteration: int) -> torch.Tensor:
        if self._drawn is not None and self._drawn[0] == iteration:
            return self._drawn[1]
        return self._draw_noise(iteration)

    def _draw_noise(self, iteration: int) -> torch.Tensor:
        config, actions = self.config, self.replay.layout.action_dim
        shape = (config.grad_steps_per_iteration, 2, config.batch_size, actions)
        return torch.from_numpy(self._noise_stream.normal(iteration, shape))


class _Key(NamedTuple):
    """What a graph depends on besides its input: number of steps, phase of the delayed updates, and witnessing."""

    steps: int
    phase: int
    witnessed: bool


class _Graphs:
    """`GradientSteps.take` as CUDA graphs, one for each `_Key`."""

    def __init__(self, steps: GradientSteps) -> None:
        self._steps = steps
        self._period = math.lcm(steps.config.policy_frequency, steps.config.target_network_frequency)
        self._stream = torch.cuda.Stream()
        self._captured: dict[_Key, _Captured] = {}

    def take(self, index: torch.Tensor, noise: torch.Tensor, witnessed: bool) -> _Chunk:
        """Do what `GradientSteps.take` does, by replaying a graph."""
        state = self._steps.learner.state
        before = state.updates
        key = _Key(len(index), before % self._period, witnessed)
        if key not in self._captured:
            self._captured[key] = self._prepare(index, noise, witnessed)
        captured = self._captured[key]
        captured.index.copy_(index)
        captured.noise.copy_(noise)
        chunk = captured.call().clone()
        # A replay runs no Python, and counts nothing.
        state.updates = before + key.steps
        return chunk

    def _prepare(self, index: torch.Tensor, noise: torch.Tensor, witnessed: bool) -> _Captured:
        static_index, static_noise = torch.empty_like(index), torch.empty_like(noise)
        call = CapturedCall(lambda: self._steps.take(static_index, static_noise, witnessed), self._stream)
        return _Captured(static_index, static_noise, call)


@dataclass(frozen=True)
class _Captured:
    """The memory that a graph reads its input from, and the graph."""

    index: torch.Tensor
    noise: torch.Tensor
    call: CapturedCall[_Chunk]


def _stacked(infos: list[UpdateInfo]) -> UpdateInfo:
    """Stack the reports of several gradient steps along a new leading axis."""
    return _combined(infos, torch.stack)


def _cuts(sizes: Sequence[int]) -> Iterator[list[slice]]:
    """Where each share of the gradient steps lies among all of them, in pieces of at most a graph's length."""
    start = 0
    for size in sizes:
        ends = range(start, start + size, MOST_STEPS_IN_A_GRAPH)
        yield [slice(at, min(at + MOST_STEPS_IN_A_GRAPH, start + size)) for at in ends]
        start += size


def _combined(infos: list[UpdateInfo], combine: Callable[[list[torch.Tensor]], torch.Tensor]) -> UpdateInfo:
    def part(name: str) -> Any:
        found = [value for info in infos if (value := getattr(info, name)) is not None]
        return combine(found) if found else None

    return UpdateInfo(**{field.name: part(field.name) for field in dataclasses.fields(UpdateInfo)})


def _copy(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.clone()


def _batch_sums(chunks: list[_Chunk]) -> torch.Tensor | None:
    found = [chunk.sums for chunk in chunks if chunk.sums is not None]
    return torch.cat(found) if found else None
