"""The benchmarks: each builds its data once and returns the function whose calls are timed.

A benchmark touches `sac` only inside its builder: if a revision can't run one, that is reported and the others run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .rooms import load

Work = Callable[[], object]
OBSERVATION, ACTION = 48, 7
"""Sizes of StackCube-v1 under pd_joint_delta_pos, rounded down by one action."""
ENVS, ROWS = 16, 512


@dataclass(frozen=True)
class Case:
    """One benchmark.

    Attributes:
        build: makes the work; what must be closed goes to the stack.
        counted: its tensor operations are counted, and the counts gate.
        clock: what decides. Processor time if the process computes alone, because another program on the same core does
            not affect it. The wall clock if it waits for other processes or a device.
    """

    build: Callable[[ExitStack], Work]
    counted: bool = True
    clock: str = "cpu"


def make_learner(batch: int) -> Any:
    """A learner of StackCube's sizes."""
    import torch

    from sac.config import TrainConfig
    from sac.envs.protocol import EnvSpec

    box = np.ones(ACTION, np.float32)
    spec = EnvSpec("Benchmark-v0", OBSERVATION, -box, box, 50)
    return learner_of(TrainConfig(batch_size=batch, threads=1), spec, torch.device("cpu"))


def learner_of(config: Any, spec: Any, device: Any) -> Any:
    """The learner that the revision trains with on this machine; the only one, where it had no choice yet."""
    try:
        return load("sac.learner.factory").make_learner(config, spec, device)
    except ModuleNotFoundError:
        return load("sac.learner.sac").Learner(config, spec, device)


def normal(name: str, *shape: int) -> Any:
    """Standard normal numbers, the same in every process."""
    import torch

    from sac.streams import Stream

    return torch.from_numpy(Stream(7, f"bench.{name}").normal(0, shape))


def make_replay() -> Any:
    """A full replay buffer."""
    import torch

    from sac.replay import ReplayBuffer, RowLayout

    layout = RowLayout(OBSERVATION, ACTION)
    replay = ReplayBuffer(layout, ENVS, ENVS * ROWS, torch.device("cpu"))
    replay.add(normal("rows", ROWS, ENVS, layout.width))
    return replay


def update(batch: int, stack: ExitStack) -> Work:
    """One gradient step on a batch that is ready."""
    from sac.replay import RowLayout

    learner, layout = make_learner(batch), RowLayout(OBSERVATION, ACTION)
    transitions = layout.unpack(normal("batch", batch, layout.width))
    return partial(learner.update, transitions, normal("noise", 2, batch, ACTION))


def replay_add(stack: ExitStack) -> Work:
    """Four steps of all environments into the ring."""
    replay = make_replay()
    return partial(replay.add, normal("new", 4, ENVS, replay.layout.width))


def replay_sample(stack: ExitStack) -> Work:
    """A batch of 1024 transitions: draw indices, gather, name the columns."""
    import torch

    from sac.streams import Stream

    replay, stream = make_replay(), Stream(7, "bench.index")

    def sample() -> object:
        index = torch.from_numpy(stream.integers(1, len(replay), (1024,)))
        return replay.layout.unpack(replay.gather(index))

    return sample


def policy_step(stack: ExitStack) -> Work:
    """Actions for 16 environments."""
    learner = make_learner(256)
    return partial(learner.act, normal("observation", ENVS, OBSERVATION), normal("action", ENVS, ACTION))


def env_step(env_id: str, num_envs: int, stack: ExitStack) -> Work:
    """One step of several environments in this process."""
    from sac.envs.factory import make_vector_env
    from sac.streams import EpisodeSeeds

    envs = make_vector_env(env_id, num_envs, EpisodeSeeds(7, "train"), ignore_terminations=True)
    stack.callback(envs.close)
    envs.reset()
    return partial(envs.step, normal("env", num_envs, envs.spec.action_dim).clamp_(-1, 1))


def env_reset_stack_cube(stack: ExitStack) -> Work:
    """Begin the next episode of 2 StackCube-v1: only one env step in fifty resets, so the median of steps lacks it."""
    from sac.envs.factory import make_vector_env
    from sac.streams import EpisodeSeeds

    envs = make_vector_env("StackCube-v1", 2, EpisodeSeeds(7, "train"))
    stack.callback(envs.close)
    episodes = iter(range(1 << 60))
    return lambda: envs.reset(next(episodes))


def env_step_pooled(stack: ExitStack) -> Work:
    """One step of 4 StackCube-v1 in two worker processes."""
    from sac.envs.factory import make_vector_env
    from sac.streams import EpisodeSeeds

    envs = make_vector_env("StackCube-v1", 4, EpisodeSeeds(7, "train"), ignore_terminations=True, workers=2)
    stack.callback(envs.close)
    envs.reset()
    return partial(envs.step, normal("env", 4, envs.spec.action_dim).clamp_(-1, 1))


def iteration(stack: ExitStack) -> Work:
    """A whole iteration on the point task: 64 env steps, 8 updates of batch 256, a ledger line."""
    work: Work = make_trainer(stack).iterate
    return work


def checkpoint(stack: ExitStack) -> Work:
    """A checkpoint of a small run whose replay buffer has nothing new."""
    trainer = make_trainer(stack)
    trainer.iterate()

    def save() -> None:
        # An iteration is saved once only.
        trainer.state.iteration += 1
        trainer.save_checkpoint()

    return save


def make_trainer(stack: ExitStack) -> Any:
    """A trainer of the point task, at its beginning."""
    import torch

    from sac.config import TrainConfig

    config = TrainConfig(
        env_id="Point-v1",
        utd=0.125,
        batch_size=256,
        buffer_size=8192,
        learning_starts=64,
        eval_freq=0,
        threads=1,
        tensorboard=False,
        progress=False,
        capture_video=False,
        checkpoint_freq="0",
    )
    device = torch.device("cpu")
    folder = load("sac.run.folder").RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
    envs, eval_envs = load("sac.envs.make").make_envs(config, device, stack)
    learner = learner_of(config, envs.spec, device)
    return assemble(config, learner, envs, eval_envs, folder, stack)


def assemble(config: Any, learner: Any, envs: Any, eval_envs: Any, folder: Any, stack: ExitStack) -> Any:
    """A trainer whose files are open, as either revision puts it together."""
    trainer_of, room = load("sac.trainer").Trainer, load("sac.output")
    if not hasattr(room, "open_output"):
        # Revisions before `sac.training`: one object does all, and opens its files later.
        trainer = trainer_of(config, learner, envs, eval_envs, folder, {})
        trainer.open(stack, {})
        return trainer
    training = load("sac.training").Training(config, learner, envs)
    output = room.open_output(stack, training, folder, {}, {})
    recorder = room.make_recorder(training, output.ledger)
    return trainer_of(training, output, recorder, load("sac.schedule").Schedule(config), eval_envs)


def digest(stack: ExitStack) -> Work:
    """The digests of all parameters and optimizer moments."""
    from sac.digest import DigestBatch

    state, record_learner = make_learner(256).state, load("sac.ledger.recorder").record_learner

    def record() -> object:
        digests = DigestBatch("cpu")
        record_learner(digests, state)
        return digests.finish()

    return record


def ledger_line(stack: ExitStack) -> Work:
    """A line with a digest for every channel, written."""
    channels, writer_of = load("sac.ledger.channels").CHANNELS, load("sac.ledger.file").LedgerWriter
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    writer = stack.enter_context(writer_of(folder / "ledger.jsonl", {}))
    digests = dict.fromkeys(channels, "0123456789abcdef")
    count = iter(range(1 << 60))
    return lambda: writer.write(next(count), 0, digests, {"reward": 0.5})


CASES: dict[str, Case] = {
    "update_256": Case(partial(update, 256)),
    "update_1024": Case(partial(update, 1024)),
    "update_4096": Case(partial(update, 4096)),
    "replay_add": Case(replay_add),
    "replay_sample": Case(replay_sample),
    "policy_step": Case(policy_step),
    "env_step_point": Case(partial(env_step, "Point-v1", ENVS)),
    "env_step_stack_cube": Case(partial(env_step, "StackCube-v1", 2), counted=False),
    "env_reset_stack_cube": Case(env_reset_stack_cube, counted=False),
    "env_step_pooled": Case(env_step_pooled, counted=False, clock="wall"),
    "iteration_point": Case(iteration),
    "checkpoint": Case(checkpoint, counted=False),
    "digest": Case(digest),
    "ledger_line": Case(ledger_line, counted=False),
}
"""Name -> benchmark; to add one, add a line."""
