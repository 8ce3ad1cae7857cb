"""Checkpoints: all of `TrainState` on disk, whole or not at all.

A checkpoint of iteration k is an index (`state-k.json`), a file of tensors (`state-k.safetensors`) and rows of the
replay buffer in segments that checkpoints share. They are written in the order rows, tensors, index: a checkpoint
exists once its index does. It stores what `state.walk` yields, so no part of the state can be forgotten. Nothing in it
is ever executed.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from sac.checkpoint.index import BadCheckpoint, CheckpointIndex, index_path, list_iterations, read_index, tensor_path
from sac.checkpoint.replay_log import BadSegment, Journal, check_segment
from sac.config import TrainConfig
from sac.run import storage
from sac.run.held_folder import HeldFolder
from sac.state import Leaf, TrainState, describe, put, walk
from sac.untrusted.checksum import Extent
from sac.untrusted.file import Unreadable, read_bytes
from sac.untrusted.tensors import require_plain

ROWS = "replay.rows"
"""The one leaf that is not stored whole; see `replay_log`."""
_FINITE = ("learner.", "collector.observation")
"""How the names of leaves begin that can't be NaN or infinite in a run that goes on."""


class Cadence:
    """When a checkpoint is due: after so many iterations, or minutes.

    Args:
        text: the value of `--checkpoint_freq`, already checked.
        clock: seconds, from any origin.
    """

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        number = float(text.removesuffix("m"))
        self._seconds = 60 * number if text.endswith("m") else 0.0
        self._iterations = 0 if text.endswith("m") else int(number)
        self._clock, self._last = clock, clock()

    def due(self, iteration: int) -> bool:
        """Whether one is due after this iteration; minutes count from the last one that was due."""
        if self._iterations:
            return iteration % self._iterations == 0
        if not self._seconds or self._clock() - self._last < self._seconds:
            return False
        self._last = self._clock()
        return True


@dataclass(frozen=True)
class Position:
    """How long the files are that a run appends to, and their checksums; see `index.CheckpointIndex`."""

    ledger_bytes: int
    metrics_bytes: int
    ledger_sha256: str | None = None
    metrics_sha256: str | None = None

    @classmethod
    def of(cls, ledger: Extent, metrics: Extent) -> Position:
        """Return what was written so far of both files."""
        return cls(ledger.size, metrics.size, ledger.sha256, metrics.sha256)


class Checkpoints:
    """Writes the checkpoints of one run and keeps the last few.

    Args:
        folder: where they are.
        config: the run's flags, stored in each; `keep_checkpoints` says how many to keep.
        fingerprint: the machine's arithmetic, stored in each.
        journal: the replay rows on disk, if the run resumes from a checkpoint.
        held: the run folder, where the checkpoints are below one.
    """

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        fingerprint: Mapping[str, Any],
        journal: Journal | None = None,
        held: HeldFolder | None = None,
    ) -> None:
        self.folder, self._config, self._fingerprint = folder, config, dict(fingerprint)
        self._journal, self._held = journal or Journal(folder), held
        self._journal.held = held
        # What is there already is read without the run folder's name, as it is written.
        self._here = held.path_of(folder) if held is not None else folder
        self._last: int | None = None

    def save(self, state: TrainState, position: Position) -> None:
        """Write a checkpoint and remove old ones; return once it is on disk.

        Raises:
            StorageError: it can't be written; the checkpoints before it are intact.
        """
        paths = index_path(self.folder, state.iteration), tensor_path(self.folder, state.iteration)
        if self._last == state.iteration and all((self._here / path.name).exists() for path in paths):
            return
        storage.make_folder(self.folder, self._held)
        segments = self._journal.append(state.replay)
        tensors, counters = split(state)
        data = safetensors.torch.save(tensors)
        storage.write_atomically(paths[1], data, self._held)
        index = CheckpointIndex(
            iteration=state.iteration,
            counters=counters,
            tensor_bytes=len(data),
            tensor_sha256=hashlib.sha256(data).hexdigest(),
            segments=segments,
            config=self._config.to_manifest(),
            fingerprint=self._fingerprint,
            **asdict(position),
        )
        storage.write_atomically(paths[0], index.encode(), self._held)
        self._last = state.iteration
        self._prune(self._config.keep_checkpoints)

    def finish(self, state: TrainState, position: Position) -> int:
        """Write the checkpoint of a finished run and remove all others; return its size in bytes.

        Raises:
            StorageError: as `save`.
        """
        self.save(state, position)
        self._prune(1)
        return sum(path.lstat().st_size for path in self._here.iterdir())

    def _prune(self, keep: int) -> None:
        """Remove what no kept checkpoint needs: indexes first, so that none is left without its tensors."""
        iterations = list_iterations(self._here)
        kept = iterations[-keep:]
        for iteration in iterations[:-keep]:
            self._remove(index_path(self.folder, iteration).name)
        for path in self._here.glob("state-*"):
            number = re.match(r"state-(\d+)\.", path.name)
            if number and (int(number.group(1)) not in kept or path.name.endswith(storage.PARTIAL)):
                self._remove(path.name)
        if kept:
            self._prune_rows(kept[0])

    def _remove(self, name: str) -> None:
        """Remove a file; a folder under its name is somebody else's, and no reason to end a run."""
        if not (self._here / name).is_dir():
            storage.remove(self.folder / name, self._held)

    def _prune_rows(self, oldest: int) -> None:
        try:
            segments = read_index(self._here, oldest).segments
        except BadCheckpoint:
            return  # damaged since: what it needs is unknown, so all stays until it is gone itself
        if segments:
            self._journal.prune(segments[0].start)


def split(state: TrainState) -> tuple[dict[str, torch.Tensor], dict[str, int]]:
    """Split the state's leaves, without the replay rows, into tensors (of any shape) and integers, by dotted name."""
    tensors: dict[str, torch.Tensor] = {}
    counters: dict[str, int] = {}
    for name, leaf in walk(state):
        if isinstance(leaf, int):
            counters[name] = leaf
        elif name != ROWS:
            tensors[name] = _portable(leaf)
    return tensors, counters


def _portable(leaf: Leaf) -> torch.Tensor:
    tensor = torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else torch.as_tensor(leaf)
    return tensor.detach().cpu().contiguous()


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read, every byte but the replay rows verified."""

    folder: Path
    index: CheckpointIndex
    tensors: dict[str, torch.Tensor]

    def fill(self, state: TrainState) -> Journal:
        """Restore the state of a new run and read the replay rows; return their journal.

        Raises:
            BadCheckpoint: a leaf is missing or has another kind or shape than in this run, or rows are damaged.
        """
        path, held = tensor_path(self.folder, self.index.iteration), dict(walk(state))
        given: dict[str, Leaf] = {**self.tensors, **self.index.counters}
        wanted = held.keys() - {ROWS}
        if given.keys() != wanted:
            names = ", ".join(sorted(given.keys() ^ wanted)[:5])
            raise BadCheckpoint(f"{path}: holds another state than this release has, they differ in {names}")
        for name, value in given.items():
            leaf = value.numpy() if isinstance(held[name], np.ndarray) and isinstance(value, torch.Tensor) else value
            if describe(leaf) != describe(held[name]):
                raise BadCheckpoint(f"{path}: {name} is {describe(leaf)}, but must be {describe(held[name])}")
            put(state, name, leaf)
        self._require_sense(state)
        journal = Journal(self.folder)
        try:
            journal.load(self.index.segments, state.replay)
        except BadSegment as error:
            raise BadCheckpoint(str(error)) from error
        return journal

    def _require_sense(self, state: TrainState) -> None:
        """Refuse numbers that no run can reach."""
        replay, collector, capacity = state.replay, state.collector, state.replay.rows.shape[0]
        lengths, longest = collector.totals.length, collector.actions.shape[1]
        claims = {
            "replay.position": replay.position == replay.written % capacity,
            "replay.size": replay.size == min(replay.written, capacity),
            "collector.steps": collector.steps == replay.written,
            "iteration": state.iteration == self.index.iteration,
            "collector.episodes": bool((np.asarray(collector.episodes) >= 0).all()),
            "collector.totals.length": bool(((lengths >= 0) & (lengths < longest)).all()),
        }
        for name, holds in claims.items():
            if not holds:
                path = index_path(self.folder, self.index.iteration)
                raise BadCheckpoint(f"{path}: {name} has a value that no run leads to")


def read_checkpoint(folder: Path, iteration: int) -> Checkpoint:
    """Read index and tensors, and verify every byte.

    Raises:
        BadCheckpoint: a file is missing, damaged, or holds something else.
    """
    index, path = read_index(folder, iteration), tensor_path(folder, iteration)
    try:
        data = read_bytes(path, index.tensor_bytes)
    except Unreadable as error:
        raise BadCheckpoint(f"{error}; {index.tensor_bytes} bytes were written") from error
    if len(data) != index.tensor_bytes:
        raise BadCheckpoint(f"{path}: damaged: it has {len(data)} bytes, {index.tensor_bytes} were written")
    if hashlib.sha256(data).hexdigest() != index.tensor_sha256:
        raise BadCheckpoint(f"{path}: damaged: its checksum is another than when written")
    try:
        tensors = safetensors.torch.load(data)
    except Exception as error:  # the parser's own errors are of several kinds
        raise BadCheckpoint(f"{path}: not a file of tensors: {str(error)[:200]}") from error
    for name, tensor in tensors.items():
        _require_plain(path, name, tensor)
    return Checkpoint(folder, index, tensors)


def _require_plain(path: Path, name: str, tensor: torch.Tensor) -> None:
    try:
        require_plain(tensor, finite=name.startswith(_FINITE))
    except Unreadable as error:
        raise BadCheckpoint(f"{path}: {name} {error}") from error


def verify(folder: Path, iteration: int) -> Checkpoint:
    """Read a checkpoint and verify every byte, replay rows included.

    Raises:
        BadCheckpoint: a file is damaged; the message names it.
    """
    checkpoint = read_checkpoint(folder, iteration)
    try:
        for segment in checkpoint.index.segments:
            check_segment(segment, folder)
    except BadSegment as error:
        raise BadCheckpoint(str(error)) from error
    return checkpoint


def drop_after(folder: Path, iteration: int) -> None:
    """Remove the checkpoints after an iteration: the run is resumed there."""
    for later in list_iterations(folder):
        if later > iteration:
            storage.remove(index_path(folder, later))
            storage.remove(tensor_path(folder, later))
