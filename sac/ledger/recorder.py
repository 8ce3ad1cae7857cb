"""What goes into the ledger: one digest for each channel, in the order of data flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sac.digest import DigestBatch, digester_for
from sac.learner.cuda_graph import CapturedCall
from sac.learner.gradient_steps import Updates
from sac.ledger.file import LedgerWriter
from sac.rollout.collector import Rollout
from sac.rollout.evaluation import Evaluation
from sac.state import LearnerState


@dataclass(frozen=True)
class Iteration:
    """What one iteration leaves to record, besides the learner.

    Attributes:
        number: 0 for the state before the first.
        global_step: env steps taken so far.
        rollout: None in iteration 0.
        updates: its gradient steps; None if there were none.
        first: seeds (N,) and observations (N, O) of the first episodes, in iteration 0.
    """

    number: int
    global_step: int
    rollout: Rollout | None = None
    updates: Updates | None = None
    first: tuple[torch.Tensor, torch.Tensor] | None = None


class Witness:
    """Writes an iteration's line in the ledger, when there is time for it.

    The line is owed from the iteration's end on. It must be settled before the learner changes and before a checkpoint
    is written; a good moment is while environments in other processes take the next iteration's first step.

    Attributes:
        ledger: where lines go; without one, nothing is witnessed.
    """

    def __init__(self, learner: LearnerState, *, captured: bool = False) -> None:
        self.ledger: LedgerWriter | None = None
        self._learner = learner
        self._sums = captured_sums(learner) if captured else None
        self._owed: Iteration | None = None
        self._record: DigestBatch | None = None

    def owe(self, iteration: Iteration) -> None:
        """Have a line to write; the one before must have been settled.

        Raises:
            RuntimeError: it has not.
        """
        if self._owed is not None:
            raise RuntimeError(f"the line of iteration {self._owed.number} was never written")
        self._owed = iteration if self.ledger is not None else None

    def evaluated(self, evaluate: Callable[[], Evaluation]) -> None:
        """Evaluate, as a part of the iteration whose line is owed, if one is.

        All else is read before: what an evaluation changes must not look like a work of the iteration.
        """
        self._read()
        try:
            evaluation = evaluate()
        except BaseException:
            # Without it the line would tell of a run that did not evaluate here.
            self._owed = self._record = None
            raise
        if self._record is not None:
            record_evaluation(self._record, evaluation)

    def settle(self) -> None:
        """Write the line that is owed, if one is."""
        self._read()
        owed, record = self._owed, self._record
        # Taken first: a line that could not be written is not tried again on the way out.
        self._owed = self._record = None
        if owed is not None and record is not None and self.ledger is not None:
            marks = step_marks(owed.rollout) if owed.rollout is not None else None
            self.ledger.write(owed.number, owed.global_step, *record.finish(), marks)

    def _read(self) -> None:
        """Digest what the owed line tells of, unless that has been done."""
        owed = self._owed
        if owed is None or self._record is not None:
            return
        record = DigestBatch(self._learner.log_alpha.device)
        if owed.first is not None:
            record_first(record, *owed.first)
        if owed.rollout is not None:
            record_rollout(record, owed.rollout)
        if owed.updates is not None:
            record_updates(record, owed.updates)
        record_learner(record, self._learner, self._sums)
        self._record = record

    def sync(self) -> int:
        """Wait until all lines are on the disk, the one that is owed too; returns their length without the header."""
        self.settle()
        return self.ledger.sync() if self.ledger is not None else 0


def record_first(record: DigestBatch, seeds: torch.Tensor, observation: torch.Tensor) -> None:
    """Digest the channels of iteration 0: seeds (N,) and observations (N, O) of the first episodes."""
    record.add("env.seed", seeds)
    record.add("rollout.obs", observation)


def record_rollout(record: DigestBatch, rollout: Rollout) -> None:
    """Digest the channels of the environments."""
    record.add("env.seed", rollout.reset_seed)
    record.add("rollout.obs", rollout.observation)
    record.add("rollout.action", rollout.action)
    record.add("rollout.reward", rollout.reward)
    record.add("rollout.next_obs", rollout.next_observation)
    record.add("rollout.done", [rollout.terminated, rollout.truncated])
    record.add_value("reward", rollout.reward.double().mean())


def step_marks(rollout: Rollout) -> dict[str, str]:
    """Return channel -> four hexadecimal digits for each (step, environment), which locate the first divergence."""
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
    """Digest the channels of the gradient steps."""
    # These few numbers go to the host first, where a digest needs no launches.
    losses, alpha = updates.info.critic_losses.cpu(), updates.info.alpha.cpu()
    index_sum, noise_sum = updates.drawn_sums or (None, None)
    record.add("replay.index", updates.index, index_sum)
    record.add("replay.batch", [] if updates.batch_sums is None else list(updates.batch_sums.cpu().unbind()))
    record.add("update.noise", updates.noise, noise_sum)
    record.add("update.critic_loss", losses)
    record.add_value("critic_loss", losses[-1].sum())
    if updates.info.actor_loss is not None:
        actor_loss = updates.info.actor_loss.cpu()
        record.add("update.actor_loss", actor_loss)
        record.add_value("actor_loss", actor_loss[-1])
    record.add("update.alpha", alpha)
    record.add_value("alpha", alpha[-1])


def learner_channels(state: LearnerState) -> dict[str, list[torch.Tensor]]:
    """Return channel -> the tensors that it digests, flat (n,) or scalars, in the order of data flow."""
    optim = {"critic": state.critic_optim, "actor": state.actor_optim, "alpha": state.alpha_optim}
    return {
        "param.critic": [state.critic.flat],
        "param.actor": [state.actor.flat],
        "param.log_alpha": [state.log_alpha],
        "param.target": [state.target.flat],
        **{f"optim.{name}": [adam.step, adam.exp_avg, adam.exp_avg_sq] for name, adam in optim.items()},
    }


def captured_sums(state: LearnerState) -> Callable[[], list[torch.Tensor]]:
    """Return a CUDA graph that takes the word sums (int64 scalars) of the learner's channels: their memory is fixed."""
    device, channels = state.log_alpha.device, learner_channels(state)
    stream = torch.cuda.Stream(device)
    return CapturedCall(lambda: [digester_for(device).word_sum(*tensors) for tensors in channels.values()], stream)


def record_learner(
    record: DigestBatch, state: LearnerState, sums: Callable[[], list[torch.Tensor]] | None = None
) -> None:
    """Digest the channels of parameters and optimizer moments.

    Args:
        record: the batch of digests to add to.
        state: what to digest.
        sums: returns the channels' word sums (int64 scalars) at once; None to take them one by one.
    """
    channels = learner_channels(state)
    known = sums() if sums is not None else [None] * len(channels)
    for (channel, tensors), word_sum in zip(channels.items(), known, strict=True):
        record.add(channel, tensors if len(tensors) > 1 else tensors[0], word_sum)


def record_evaluation(record: DigestBatch, evaluation: Evaluation) -> None:
    """Digest the channels of an evaluation."""
    returns = evaluation.episodes.values("return")
    record.add("eval.action", evaluation.actions)
    record.add("eval.return", [returns, evaluation.episodes.values("success_once")])
    if returns.numel():
        record.add_value("eval.return", returns.mean())
