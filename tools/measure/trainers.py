"""A trainer to be timed: quiet, into a folder that goes away, as `sac train` would make it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sac.numerics import profiles

QUIET = {"tensorboard": False, "progress": False, "capture_video": False, "checkpoint_freq": "0", "eval_freq": 0}


def make_trainer(stack: ExitStack, iterations: int, **flags: Any) -> Any:
    """A trainer without evaluations that learns from its first iterations on, after so many of them.

    `profiles.prepare` must have been called, or the variables set, before.
    """
    from sac.config import TrainConfig
    from sac.envs.make import make_envs, resolve_device
    from sac.learner.factory import make_learner
    from sac.run.folder import RunFolder
    from sac.schedule import Schedule
    from sac.trainer import Trainer, make_recorder, open_output
    from sac.training import Training

    config = TrainConfig(**{**QUIET, "learning_starts": 64, "buffer_size": 20_000, **flags})
    device = resolve_device(config)
    profiles.apply(config.numerics, config.threads)
    envs, _ = make_envs(config, device, stack)
    folder = RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    training = Training(config, make_learner(config, envs.spec, device), envs)
    output = open_output(stack, training, folder, {}, {})
    trainer = Trainer(training, output, make_recorder(training, output.ledger), Schedule(config))
    for _ in range(iterations):
        trainer.iterate()
    return trainer
