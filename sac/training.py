"""What a training run computes with, put together: no file of the run is open, and nothing has been learned."""

from __future__ import annotations

import torch

from sac.checkpoint.checkpoint import Checkpoint
from sac.checkpoint.replay_log import Journal
from sac.config import BadConfig, TrainConfig
from sac.envs.protocol import SplitStep, VectorEnv
from sac.learner.gradient_steps import GradientSteps
from sac.learner.overlap import ActorCopy
from sac.learner.sac import Learner
from sac.replay import ReplayBuffer, RowLayout
from sac.rollout.collector import Collector, Rollout
from sac.rollout.policy import ActingPolicy, CapturedPolicy
from sac.run.metrics_file import new_metrics
from sac.state import TrainState
from sac.streams import Streams


class Training:
    """Collector, replay buffer, gradient steps, and the state that they change.

    Args:
        config: the run's flags.
        learner: owns the networks.
        envs: training environments; they are reset here.

    Attributes:
        state: all that evolves; a view of what the parts hold.
        acting: the copy of the policy that acts while the learner learns; None unless `--overlap`.
        captured: whether work of a GPU is replayed from CUDA graphs.
        split: whether other processes step the environments.

    Raises:
        BadConfig: the replay buffer does not fit into memory.
    """

    def __init__(self, config: TrainConfig, learner: Learner, envs: VectorEnv) -> None:
        self.config, self.learner = config, learner
        self.device = learner.state.log_alpha.device
        self.captured = config.cuda_graph and self.device.type == "cuda"
        self.split = isinstance(envs, SplitStep)
        self.acting = ActorCopy(learner) if config.overlap else None
        streams = Streams(config.seed)
        policy: ActingPolicy = self.acting or learner
        if self.captured:
            shape = envs.num_envs, envs.spec.observation_dim, envs.spec.action_dim
            policy = CapturedPolicy(policy, shape, self.device)
        self.collector = Collector(config, envs, learner, streams, policy)
        self.layout = RowLayout(envs.spec.observation_dim, envs.spec.action_dim)
        self.replay = _make_replay(self.layout, config, self.device)
        self.state = TrainState(learner.state, self.replay.state, self.collector.state, new_metrics())
        self.gradient_steps = GradientSteps(config, learner, self.replay, streams)

    def restore(self, checkpoint: Checkpoint) -> Journal:
        """Go on from a checkpoint instead of from the start; returns the replay rows on the disk.

        Raises:
            BadCheckpoint: it does not fit this run, or its replay rows are damaged.
            EnvironmentFault: an environment in mid-episode does not come to the observation that it had.
        """
        journal = checkpoint.fill(self.state)
        self.collector.restore_simulators()
        return journal

    def store(self, rollout: Rollout) -> None:
        """Put a rollout into the replay buffer."""
        rows = rollout.pack(self.layout, self.config.bootstrap_at_done)
        self.replay.add(rows.to(self.replay.state.rows.device))
        self.state.global_step += self.config.training_freq

    def act_mean(self, observation: torch.Tensor) -> torch.Tensor:
        """The policy of evaluations: deterministic actions (N, A) for observations (N, O), on their device."""
        return self.learner.act_mean(observation.to(self.device)).to(observation.device)


def _make_replay(layout: RowLayout, config: TrainConfig, device: torch.device) -> ReplayBuffer:
    buffer_device = device if config.buffer_device == "cuda" else torch.device("cpu")
    try:
        return ReplayBuffer(layout, config.num_envs, config.buffer_size, buffer_device)
    except RuntimeError as error:
        size = config.buffer_size * layout.width * 4 / 2**30
        raise BadConfig(
            f"--buffer_size {config.buffer_size}: {size:.1f} GiB can't be had on {buffer_device.type}"
        ) from error
