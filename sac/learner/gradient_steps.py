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
from sac.streams import Streams

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
        sums: word sums of what they used; None if no ledger line is due.
    """

    index: torch.Tensor
    noise: torch.Tensor
    info: UpdateInfo
    sums: InputSums | None


@dataclass(frozen=True)
class InputSums:
    """Word sums, of which the ledger makes digests, of what gradient steps used.

    Attributes:
        index: of all replay indices.
        noise: of all noise.
        batches: (U,) int64, one for each batch.
    """

    index: torch.Tensor
    noise: torch.Tensor
    batches: torch.Tensor


def word_sum(tensor: torch.Tensor) -> torch.Tensor:
    """The word sum of a tensor, int64 and taken on its device: see `digest`."""
    return digester_for(tensor.device).word_sum(tensor)


@dataclass(frozen=True)
class _Report:
    """What some gradient steps in a row reported, and the word sums of their batches where the ledger wants them."""

    info: UpdateInfo
    batch_sums: torch.Tensor | None

    def clone(self) -> _Report:
        """A copy that the next replay of the graph does not overwrite."""
        return _Report(_combined([self.info], lambda parts: parts[0].clone()), _copy(self.batch_sums))


class GradientSteps:
    """Runs the gradient steps of one iteration.

    Args:
        config: batch size, steps in an iteration, and whether a GPU's steps are captured in CUDA graphs.
        learner: takes the steps.
        replay: gives the batches.
        streams: give replay indices and noise.
    """

    def __init__(self, config: TrainConfig, learner: Learner, replay: ReplayBuffer, streams: Streams) -> None:
        self.config, self.learner, self.replay = config, learner, replay
        self._index_stream, self._noise_stream = streams.replay_index, streams.update_noise
        self._drawn: tuple[int, torch.Tensor] | None = None
        rows = replay.state.rows
        self._rows = torch.empty((config.batch_size, replay.layout.width), device=rows.device)
        self.device = learner.state.log_alpha.device
        capturable = self.device.type == "cuda" and rows.device.type == "cuda"
        self._graphs = _Graphs(self) if config.cuda_graph and capturable else None

    def begin(self, iteration: int, sizes: Sequence[int], *, recorded: bool) -> ChunkedSteps:
        """Draw for the gradient steps of an iteration, from the replay buffer as it is now.

        Args:
            iteration: its number, which is the block of its random numbers.
            sizes: gradient steps in each chunk; together they are `grad_steps_per_iteration`.
            recorded: take word sums for the ledger.
        """
        shape = (sum(sizes), self.config.batch_size)
        index = torch.from_numpy(self._index_stream.integers(iteration, len(self.replay), shape))
        return ChunkedSteps(self, iteration, index, self._noise(iteration), sizes, recorded)

    def all_at_once(self, iteration: int, *, recorded: bool) -> Updates:
        """Take the gradient steps of an iteration in one chunk."""
        steps = self.begin(iteration, [self.config.grad_steps_per_iteration], recorded=recorded)
        steps.take_chunk()
        return steps.updates()

    def draw_ahead(self, iteration: int) -> None:
        """Draw an iteration's noise while a GPU works: the block is a function of the iteration's number alone."""
        if self.device.type == "cuda":
            self._drawn = iteration, self._draw_noise(iteration)

    def take(self, index: torch.Tensor, noise: torch.Tensor, recorded: bool) -> _Report:
        """Take gradient steps one after another.

        Args:
            index: (n, B) int64, on the replay buffer's device.
            noise: (n, 2, B, A), on the learner's device.
            recorded: take the batches' word sums.
        """
        take = self._graphs.take if self._graphs is not None else self.take_eagerly
        return take(index, noise, recorded)

    def take_eagerly(self, index: torch.Tensor, noise: torch.Tensor, recorded: bool) -> _Report:
        """As `take`, without a CUDA graph."""
        infos, sums = [], []
        for step in range(len(index)):
            rows = self.replay.gather(index[step], out=self._rows)
            if recorded:
                sums.append(word_sum(rows))
            infos.append(self.learner.update(self.replay.layout.unpack(rows.to(self.device)), noise[step]))
        return _Report(_stacked(infos), torch.stack(sums) if recorded else None)

    def _noise(self, iteration: int) -> torch.Tensor:
        if self._drawn is not None and self._drawn[0] == iteration:
            return self._drawn[1]
        return self._draw_noise(iteration)

    def _draw_noise(self, iteration: int) -> torch.Tensor:
        config, actions = self.config, self.replay.layout.action_dim
        shape = (config.grad_steps_per_iteration, 2, config.batch_size, actions)
        return torch.from_numpy(self._noise_stream.normal(iteration, shape))


class ChunkedSteps:
    """The gradient steps of one iteration, to be taken in chunks; made by `GradientSteps.begin`.

    Args:
        steps: takes them.
        iteration: its number.
        index: (U, B) int64 replay indices.
        noise: (U, 2, B, A) float32.
        sizes: gradient steps in each chunk.
        recorded: take word sums for the ledger.
    """

    def __init__(
        self,
        steps: GradientSteps,
        iteration: int,
        index: torch.Tensor,
        noise: torch.Tensor,
        sizes: Sequence[int],
        recorded: bool,
    ) -> None:
        self._steps, self._iteration, self._recorded = steps, iteration, recorded
        self._index, self._noise = index, noise
        self._device_index = index.to(steps.replay.state.rows.device)
        self._device_noise = noise.to(steps.device)
        self._pending = list(_cuts(sizes))
        self._reports: list[_Report] = []
        self._updates: Updates | None = None

    def take_chunk(self) -> None:
        """Take the next chunk; on a GPU this only queues it."""
        for cut in self._pending.pop(0):
            self._reports.append(self._steps.take(self._device_index[cut], self._device_noise[cut], self._recorded))
        if not self._pending:
            self._updates = self._finish()

    def updates(self) -> Updates:
        """What all of them used and reported.

        Raises:
            RuntimeError: chunks are left.
        """
        if self._updates is None:
            raise RuntimeError(f"{len(self._pending)} chunks of gradient steps have not been taken")
        return self._updates

    def _finish(self) -> Updates:
        """Gather the reports; what this process has to compute besides, it does while a GPU works."""
        sums = self._sums() if self._recorded else None
        self._steps.draw_ahead(self._iteration + 1)
        return Updates(self._index, self._noise, _combined([report.info for report in self._reports], torch.cat), sums)

    def _sums(self) -> InputSums:
        batches = [report.batch_sums for report in self._reports if report.batch_sums is not None]
        return InputSums(word_sum(self._index), word_sum(self._noise), torch.cat(batches))


class _Key(NamedTuple):
    """What a graph depends on besides its input: steps, phase of the delayed updates, and whether they are recorded."""

    steps: int
    phase: int
    recorded: bool


class _Graphs:
    """`GradientSteps.take_eagerly` as CUDA graphs, one for each `_Key`."""

    def __init__(self, steps: GradientSteps) -> None:
        self._steps = steps
        self._period = math.lcm(steps.config.policy_frequency, steps.config.target_network_frequency)
        self._stream = torch.cuda.Stream()
        self._captured: dict[_Key, _Captured] = {}

    def take(self, index: torch.Tensor, noise: torch.Tensor, recorded: bool) -> _Report:
        """As `GradientSteps.take`."""
        state = self._steps.learner.state
        before = state.updates
        key = _Key(len(index), before % self._period, recorded)
        if key not in self._captured:
            self._captured[key] = self._prepare(index, noise, recorded)
        captured = self._captured[key]
        captured.index.copy_(index)
        captured.noise.copy_(noise)
        report = captured.call().clone()
        # A replay runs no Python, and counts nothing.
        state.updates = before + key.steps
        return report

    def _prepare(self, index: torch.Tensor, noise: torch.Tensor, recorded: bool) -> _Captured:
        static_index, static_noise = torch.empty_like(index), torch.empty_like(noise)
        call = CapturedCall(lambda: self._steps.take_eagerly(static_index, static_noise, recorded), self._stream)
        return _Captured(static_index, static_noise, call)


@dataclass(frozen=True)
class _Captured:
    """The memory that a graph reads its input from, and the graph."""

    index: torch.Tensor
    noise: torch.Tensor
    call: CapturedCall[_Report]


def _stacked(infos: list[UpdateInfo]) -> UpdateInfo:
    """Stack the reports of several gradient steps along a new leading axis."""
    return _combined(infos, torch.stack)


def _cuts(sizes: Sequence[int]) -> Iterator[list[slice]]:
    """Where each chunk of the gradient steps lies among all of them, in pieces of at most a graph's length."""
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
