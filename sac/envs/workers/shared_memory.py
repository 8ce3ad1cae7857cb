"""The memory through which worker processes and their parent exchange actions and steps."""

from __future__ import annotations

import dataclasses
import mmap
import os
import tempfile

import numpy as np
import torch

from sac.envs.protocol import EnvSpec, StepBatch

_ALIGNMENT = 64
_FIELDS = tuple(field.name for field in dataclasses.fields(StepBatch))


def anonymous_file() -> int:
    """Return a descriptor of memory without a name, so nothing is left behind however its users end."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("sac-workers")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedBatch:
    """Actions, and everything a `StepBatch` holds, for N environments; row i belongs to environment i.

    Args:
        descriptor: of the shared memory; the caller closes it, the mapping stays.
        spec: lengths of observation and action.
        num_envs: N.
    """

    def __init__(self, descriptor: int, spec: EnvSpec, num_envs: int) -> None:
        layout, size = _layout(spec, num_envs)
        if os.fstat(descriptor).st_size < size:
            os.ftruncate(descriptor, size)
        memory = mmap.mmap(descriptor, size)
        self._arrays = {
            name: np.ndarray(shape, dtype, buffer=memory, offset=offset)
            for name, (shape, dtype, offset) in layout.items()
        }
        self.action = self._arrays["action"]
        self.episodes = self._arrays["episodes"]

    def write(self, rows: slice, batch: StepBatch) -> None:
        """Write a step of the environments `rows`."""
        for name in _FIELDS:
            self._arrays[name][rows] = getattr(batch, name).numpy()

    def write_reset(self, rows: slice, observation: torch.Tensor, seeds: torch.Tensor) -> None:
        """Write the reset of the n environments `rows`: observations (n, O) float32 and seeds (n,) int64."""
        self._arrays["observation"][rows] = observation.numpy()
        self._arrays["reset_seed"][rows] = seeds.numpy()

    def read(self) -> StepBatch:
        """Return a copy of the step of all environments."""
        return StepBatch(**{name: self._copy(name) for name in _FIELDS})

    def read_reset(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a copy of the reset of all environments: observations (N, O) float32 and seeds (N,) int64."""
        return self._copy("observation"), self._copy("reset_seed")

    def _copy(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self._arrays[name].copy())


_Layout = dict[str, tuple[tuple[int, ...], np.dtype[np.generic], int]]


def _layout(spec: EnvSpec, num_envs: int) -> tuple[_Layout, int]:
    """Return name -> (shape, dtype, offset), and the total size in bytes."""
    observation, flag = ((num_envs, spec.observation_dim), "f4"), ((num_envs,), "?")
    fields: dict[str, tuple[tuple[int, ...], str]] = {
        "action": ((num_envs, spec.action_dim), "f4"),
        "observation": observation,
        "next_observation": observation,
        "reward": ((num_envs,), "f4"),
        **dict.fromkeys(("terminated", "truncated", "success", "fail"), flag),
        "reset_seed": ((num_envs,), "i8"),
        "episodes": ((num_envs,), "i8"),
    }
    layout: _Layout = {}
    end = 0
    for name, (shape, kind) in fields.items():
        layout[name] = (shape, np.dtype(kind), end)
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        end += -(-size // _ALIGNMENT) * _ALIGNMENT
    return layout, end
