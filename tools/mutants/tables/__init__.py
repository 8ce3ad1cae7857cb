"""All mutants, by room."""

from __future__ import annotations

from tools.mutants.mutant import Mutant, Room
from tools.mutants.tables import (
    answers,
    checkpoints,
    digests,
    environments,
    goldens,
    kernels,
    learning,
    ledgers,
    logs,
    maniskill,
    numerics,
    replay,
    rollouts,
    streams,
    workers,
)

ROOMS: tuple[Room, ...] = (
    streams.ROOM,
    rollouts.ROOM,
    replay.ROOM,
    learning.ROOM,
    learning.OVERLAP,
    kernels.ROOM,
    numerics.ROOM,
    digests.ROOM,
    ledgers.CHANNELS,
    ledgers.COMPARISON,
    checkpoints.ROOM,
    logs.ROOM,
    environments.ROOM,
    workers.ROOM,
    maniskill.ROOM,
    goldens.ROOM,
    answers.ROOM,
)

MUTANTS: tuple[Mutant, ...] = tuple(mutant for room in ROOMS for mutant in room.mutants)
