"""A run folder with checkpoints of a state so small that each of their bytes can be tried."""

from __future__ import annotations

import json

import numpy as np
import torch

from sac.checkpoint.checkpoint import Checkpoints, Position
from sac.checkpoint.resume import Resume, find_run
from sac.config import TrainConfig
from sac.run.folder import RunFolder
from sac.run.metrics_file import new_metrics
from sac.state import (
    AdamState,
    CollectorState,
    EpisodeState,
    EpisodeSums,
    LearnerState,
    Parameters,
    ReplayState,
    TrainState,
)

CONFIG = TrainConfig(env_id="Point-v1", num_envs=2, training_freq=4, buffer_size=12, batch_size=4)
FINGERPRINT = {"profile": "deterministic", "cpu": "any"}


def tiny_state() -> TrainState:
    """All kinds of leaves, a few numbers each."""
    actor, critic, target = (Parameters.zeros({"w": (2, 3), "b": (3,)}, torch.device("cpu")) for _ in range(3))
    log_alpha = torch.zeros(1)
    optims = [AdamState.zeros_like(flat) for flat in (actor.flat, critic.flat, log_alpha)]
    learner = LearnerState(actor, critic, target, log_alpha, *optims)
    collector = CollectorState(
        torch.zeros(2, 3),
        np.zeros(2, np.int64),
        EpisodeState.zeros(2),
        torch.zeros(2, 5, 1),
        EpisodeSums.zeros(7),
        EpisodeSums.zeros(7),
    )
    return TrainState(learner, ReplayState(torch.zeros(6, 2, 3)), collector, new_metrics())


def advance(state: TrainState, rows: int = 2) -> None:
    """One iteration in which `rows` rows are written; what it computes is arbitrary, but never the same."""
    state.iteration += 1
    state.global_step += CONFIG.training_freq
    draw = torch.Generator().manual_seed(state.iteration)
    for tensor in (state.learner.actor.flat, state.learner.critic.flat, state.collector.observation):
        tensor.copy_(torch.randn(tensor.shape, generator=draw))
    replay, capacity = state.replay, state.replay.rows.shape[0]
    for _ in range(rows):
        replay.rows[replay.position] = torch.randn(replay.rows.shape[1:], generator=draw)
        replay.position = (replay.position + 1) % capacity
        replay.size = min(replay.size + 1, capacity)
        replay.written += 1
    state.collector.steps = replay.written
    state.collector.episodes[:] = state.iteration


def tiny_run(root, iterations=(2, 3), keep=3) -> Resume:
    """A run folder with a checkpoint after each of `iterations`."""
    folder = RunFolder(root)
    config = {**CONFIG.to_dict(), "keep_checkpoints": keep}
    folder.states.mkdir(parents=True)
    folder.manifest.write_text(json.dumps({"config": config, "fingerprint": FINGERPRINT, "versions": {}}))
    state, checkpoints = tiny_state(), Checkpoints(folder.states, TrainConfig(**config), FINGERPRINT)
    while state.iteration < max(iterations):
        advance(state)
        if state.iteration in iterations:
            checkpoints.save(state, Position(0, 0))
    return find_run(root, None, False)
