"""Ledgers for the tests of comparisons, made without training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sac.ledger.channels import CHANNELS
from sac.ledger.file import Ledger
from sac.ledger.line import Line

CONFIG = {
    "env_id": "Point-v1",
    "seed": 1,
    "num_envs": 4,
    "training_freq": 64,
    "utd": 0.5,
    "total_timesteps": 640,
    "numerics": "fast",
}
HEADER = {"config": CONFIG, "fingerprint": {"threads": 2, "probe": {"mm": "aa"}}, "versions": {"torch": "2.13.0"}}
EVALUATION = [channel for channel in CHANNELS if channel.startswith("eval.")]
STATE = [channel for channel in CHANNELS if channel.startswith(("param.", "optim."))]


def line(iteration, without=()):
    digests = {c: f"{iteration * 100 + i:016x}" for i, c in enumerate(CHANNELS) if c not in without}
    return Line(iteration, 64 * iteration, digests, {"critic_loss": 0.5, "reward": 0.25})


def ledger(iterations=range(10), name="a", without=(), **config):
    header = {**HEADER, "config": {**CONFIG, **config}}
    return Ledger(Path(name), header, tuple(line(k, without) for k in iterations))


def replace_line(old, iteration, **changes):
    """The ledger with fields of one line changed."""
    lines = [dataclasses.replace(row, **changes) if row.iteration == iteration else row for row in old.lines]
    return dataclasses.replace(old, lines=tuple(lines))


def plant(old, iteration, *channels, value="f" * 16):
    """The ledger with the digests of some channels changed at one iteration; None: taken out."""
    digests = dict(next(row.digests for row in old.lines if row.iteration == iteration))
    for channel in channels:
        digests.pop(channel)
        if value is not None:
            digests[channel] = value
    return replace_line(old, iteration, digests=digests)
