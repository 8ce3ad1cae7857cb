"""What goes into the ledger: one digest for each channel, in the order in which data flows."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from sac.collector import Rollout
from sac.digest import DigestBatch, digester_for
from sac.evaluation import Evaluation
from sac.learner import UpdateInfo
from sac.state import AdamState, LearnerState


@dataclass
class Updates:
    """What the gradient steps of one iteration used and reported; tensors stay on their devices.

    Attributes:
        index: (U, B) int64 replay indices.
        noise: (U, 2, B, A) float32.
        batch_sums: one 0-d int64 word sum for each batch, empty where no ledger line is due.
        infos: one report for each gradient step.
    """

    index: torch.Tensor
    noise: torch.Tensor
    batch_sums: list[torch.Tensor] = field(default_factory=list)
    infos: list[UpdateInfo] = field(default_factory=list)

    def see_batch(self, rows: torch.Tensor) -> None:
        """Take the word sum of a batch, whose memory the next one will overwrite."""
        self.batch_sums.append(digester_for(rows.device).word_sum(rows))


def record_first(record: DigestBatch, seeds: torch.Tensor, observation: torch.Tensor) -> None:
    """Channels of iteration 0: the seeds (N,) and observations (N, O) of the first episodes."""
    record.add("env.seed", seeds)
    record.add("rollout.obs", observation)


def record_rollout(record: DigestBatch, rollout: Rollout) -> None:
    """Channels of the environments."""
    record.add("env.seed", rollout.reset_seed)
    record.add("rollout.obs", rollout.observation)
    record.add("rollout.action", rollout.action)
    record.add("rollout.reward", rollout.reward)
    record.add("rollout.next_obs", rollout.next_observation)
    record.add("rollout.done", [rollout.terminated, rollout.truncated])
    record.add_value("reward", rollout.reward.double().mean())


def step_marks(rollout: Rollout) -> dict[str, str]:
    """Channel -> four hexadecimal digits for each (step, environment), which tell where a rollout parts first."""
    fields = {
        "env.seed": rollout.reset_seed,
        "rollout.obs": rollout.observation,
        "rollout.action": rollout.action,
        "rollout.reward": rollout.reward,
        "rollout.next_obs": rollout.next_observation,
        "rollout.done": torch.stack([rollout.terminated, rollout.truncated], dim=-1),
    }
    digester = digester_for(rollout.reward.device)
    marks = torch.stack([digester.row_marks(values.flatten(0, 1)) for values in fields.values()])
    rows = marks.cpu().numpy().astype(">u2")
    return {channel: row.tobytes().hex() for channel, row in zip(fields, rows, strict=True)}


def record_updates(record: DigestBatch, updates: Updates) -> None:
    """Channels of the gradient steps."""
    record.add("replay.index", updates.index)
    record.add("replay.batch", updates.batch_sums)
    record.add("update.noise", updates.noise)
    record.add("update.critic_loss", torch.stack([info.critic_losses for info in updates.infos]))
    record.add_value("critic_loss", updates.infos[-1].critic_losses.sum())
    actor_losses = [info.actor_loss for info in updates.infos if info.actor_loss is not None]
    if actor_losses:
        record.add("update.actor_loss", torch.stack(actor_losses))
        record.add_value("actor_loss", actor_losses[-1])
    record.add("update.alpha", torch.stack([info.alpha for info in updates.infos]))
    record.add_value("alpha", updates.infos[-1].alpha)


def record_learner(record: DigestBatch, state: LearnerState) -> None:
    """Channels of parameters and optimizer moments."""
    record.add("param.critic", state.critic.flat)
    record.add("param.actor", state.actor.flat)
    record.add("param.log_alpha", state.log_alpha)
    record.add("param.target", state.target.flat)
    for name in ("critic", "actor", "alpha"):
        adam: AdamState = getattr(state, f"{name}_optim")
        record.add(f"optim.{name}", [adam.step, adam.exp_avg, adam.exp_avg_sq])


def record_evaluation(record: DigestBatch, evaluation: Evaluation) -> None:
    """Channels of an evaluation."""
    returns = evaluation.episodes.values("return")
    record.add("eval.action", evaluation.actions)
    record.add("eval.return", [returns, evaluation.episodes.values("success_once")])
    if returns.numel():
        record.add_value("eval.return", returns.mean())
