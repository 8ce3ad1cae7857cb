"""Observations on which two policies are compared."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from sac.checkpoint.checkpoint import Checkpoint
from sac.checkpoint.replay_log import BadSegment, Journal
from sac.checkpoint.resume import Resume, find_run, open_checkpoint
from sac.config import BadConfig, TrainConfig
from sac.envs.make import make_eval_envs
from sac.envs.protocol import EnvironmentFault, VectorEnv
from sac.replay import RowLayout
from sac.run.storage import StorageError
from sac.state import ReplayState
from sac.streams import Stream

DRAWN_ENVS = 4
"""Environments whose steps are drawn; each gives an equal share of the observations."""


@dataclass(frozen=True)
class Observations:
    """Observations, and where they are from.

    Attributes:
        values: (N, O) float32.
        source: in words.
    """

    values: torch.Tensor
    source: str


def draw_observations(config: TrainConfig, count: int) -> Observations:
    """Step a task by uniform actions, which favour neither policy, and keep what is observed.

    Args:
        config: task and root seed.
        count: number of observations.

    Raises:
        EnvironmentFault: an observation is not finite.
        BadEnvironment: the task can't be had.
    """
    sizes = replace(config, num_eval_envs=DRAWN_ENVS, num_eval_steps=10_000_000, eval_partial_reset=True)
    with closing(make_eval_envs(sizes, torch.device("cpu"))) as envs:
        values = torch.cat(_steps(envs, Stream(config.seed, "similarity.action"), -(-count // DRAWN_ENVS)))[:count]
    if not bool(torch.isfinite(values).all()):
        raise EnvironmentFault(f"{config.env_id}: an observation is NaN or infinite; the task returned it")
    source = (
        f"{len(values)} of {config.env_id}, stepped by uniform actions in {DRAWN_ENVS} environments, seed {config.seed}"
    )
    return Observations(values, source)


def _steps(envs: VectorEnv, stream: Stream, steps: int) -> list[torch.Tensor]:
    """What so many steps observe, a tensor (N, O) each."""
    low, high = (torch.from_numpy(bound) for bound in (envs.spec.action_low, envs.spec.action_high))
    found = [envs.reset()[0].cpu()]
    for step in range(steps - 1):
        drawn = torch.from_numpy(stream.uniform(step, (envs.num_envs, envs.spec.action_dim)))
        found.append(envs.step(low + (high - low) * drawn).observation.cpu())
    return found


def stored_observations(root: Path, observation_dim: int, action_dim: int, count: int) -> Observations:
    """Take observations from the replay buffer of a run's newest checkpoint, at equal distances in time.

    Args:
        root: the run folder.
        observation_dim: length O of an observation.
        action_dim: length A of an action.
        count: how many at most.

    Raises:
        BadConfig: the run has no checkpoint, or is of another task.
        BadCheckpoint: it is damaged.
    """
    try:
        resume = find_run(root, None, False)
        checkpoint = open_checkpoint(resume)
    except (BadConfig, StorageError) as error:
        raise BadConfig(str(error).replace("--resume", "--observations", 1)) from error
    if checkpoint is None:
        raise BadConfig(
            f"--observations {root}: holds no checkpoint, which has the replay buffer; give a run trained without "
            "--checkpoint_freq=0, or leave this out"
        )
    layout = RowLayout(observation_dim, action_dim)
    rows = _rows(root, resume, checkpoint, layout)
    chosen = torch.linspace(0, len(rows) - 1, min(count, len(rows)), dtype=torch.float64).long()
    source = (
        f"{len(chosen)} of the {len(rows)} in the replay buffer of {root}, checkpoint of iteration "
        f"{checkpoint.index.iteration}"
    )
    return Observations(layout.unpack(rows[chosen]).observation.clone(), source)


def _rows(root: Path, resume: Resume, checkpoint: Checkpoint, layout: RowLayout) -> torch.Tensor:
    """The transitions (R, D) that the buffer holds, oldest first."""
    config, counters = resume.stored, checkpoint.index.counters
    capacity, written = config.buffer_size // config.num_envs, int(counters["replay.written"])
    size = min(written, capacity)
    state = ReplayState(torch.zeros(capacity, config.num_envs, layout.width), written % capacity, size, written)
    try:
        Journal(checkpoint.folder).load(checkpoint.index.segments, state)
    except BadSegment as error:
        raise BadConfig(
            f"--observations {root}: {error}; give a run of the policies' task, whose observations have "
            f"{layout.observation_dim} numbers and actions {layout.action_dim}"
        ) from error
    if not size:
        raise BadConfig(f"--observations {root}: its replay buffer is empty; give a run that has stepped")
    oldest = (written - size) % capacity
    return torch.cat([state.rows[oldest:size], state.rows[:oldest]]).flatten(0, 1)
