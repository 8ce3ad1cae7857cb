"""What goes into the ledger: one digest for each channel, in the order of data flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sac.digest import DigestBatch, digester_for
from sac.learner.cuda_graph import CapturedCall
from sac.learner.gradient_steps import Updates
from sac.ledger.file import LedgerWriter
from sac.ledger.unchanged import Unchanged
from sac.rollout.collector import Rollout
from sac.rollout.evaluation import Evaluation
from sac.state import LearnerState
from sac.untrusted.checksum import Extent, RunningChecksum


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


class LedgerRecorder:
    """Writes an iteration's line in the ledger, when there is time for it.

    The line is begun at the iteration's end. It must be flushed before the learner changes and before a checkpoint is
    written; a good moment is while environments in other processes take the next iteration's first step.

    Args:
        ledger: where lines go; without one, nothing is recorded.
        learner: what is recorded of it, at the end of an iteration.
        captured: take its digests by a CUDA graph.
        deferred: leave a line to be flushed during the next step, instead of writing it at the iteration's end.
    """

    def __init__(
        self, ledger: LedgerWriter | None, learner: LearnerState, *, captured: bool = False, deferred: bool = False
    ) -> None:
        self._ledger, self._learner, self._deferred = ledger, learner, deferred
        self._sums = captured_sums(learner) if captured else None
        self._unchanged = Unchanged(learner_channels(learner)) if ledger is not None else None
        self._begun: Iteration | None = None
        self._digests: DigestBatch | None = None

    def begin(self, iteration: Iteration) -> None:
        """Begin the line of an iteration.

        Raises:
            RuntimeError: the line before has not been flushed.
        """
        if self._begun is not None:
            raise RuntimeError(f"the line of iteration {self._begun.number} was never written")
        self._begun = iteration if self._ledger is not None else None
        if iteration.updates is None:
            # Nobody has asked before a gradient step, since there was none.
            self.before_learning()
        if self._unchanged is not None:
            self._unchanged.keep()

    def before_learning(self) -> None:
        """Look whether the learner is still what the last line tells of; to be called before each iteration learns."""
        if self._unchanged is not None:
            self._unchanged.look()

    def evaluate(self, evaluate: Callable[[], Evaluation]) -> None:
        """Evaluate, as a part of the iteration whose line is begun, if one is.

        All else is read before: what an evaluation changes must not look like a work of the iteration.
        """
        self._read()
        try:
            evaluation = evaluate()
        except BaseException:
            # Without it the line would tell of a run that did not evaluate here.
            self._begun = self._digests = None
            raise
        if self._digests is not None:
            record_evaluation(self._digests, evaluation)
        self.flush()

    def end(self) -> None:
        """End the iteration: its line is written now, unless lines are deferred."""
        if not self._deferred:
            self.flush()

    def flush(self) -> None:
        """Write the line that is begun, if one is."""
        self._read()
        begun, digests = self._begun, self._digests
        # Taken first: a line that could not be written is not tried again on the way out.
        self._begun = self._digests = None
        if begun is not None and digests is not None and self._ledger is not None:
            marks = step_marks(begun.rollout) if begun.rollout is not None else None
            self._ledger.write(begun.number, begun.global_step, *digests.finish(), marks)

    def _read(self) -> None:
        """Digest what the line that is begun tells of, unless that has been done."""
        begun = self._begun
        if begun is None or self._digests is not None:
            return
        digests = DigestBatch(self._learner.log_alpha.device)
        if begun.first is not None:
            record_first(digests, *begun.first)
        if begun.rollout is not None:
            record_rollout(digests, begun.rollout)
        if begun.updates is not None:
            record_updates(digests, begun.updates)
        record_learner(digests, self._learner, self._sums)
        for name, count in self._unchanged.take().items() if self._unchanged is not None else ():
            digests.add_value(name, count)
        self._digests = digests

    def sync(self) -> Extent:
        """Wait until all lines are on the disk, the one that is begun too; returns what they are without the header."""
        self.flush()
        return self._ledger.sync() if self._ledger is not None else RunningChecksum().extent


def record_first(digests: DigestBatch, seeds: torch.Tensor, observation: torch.Tensor) -> None:
    """Digest the channels of iteration 0: the seeds (N,) and observations (N, O) of the first episodes."""
    digests.add("env.seed", seeds)
    digests.add("rollout.obs", observation)


def record_rollout(digests: DigestBatch, rollout: Rollout) -> None:
    """Digest the channels of the environments."""
    digests.add("env.seed", rollout.reset_seed)
    digests.add("rollout.obs", rollout.observation)
    digests.add("rollout.action", rollout.action)
    digests.add("rollout.reward", rollout.reward)
    digests.add("rollout.next_obs", rollout.next_observation)
    digests.add("rollout.done", [rollout.terminated, rollout.truncated])
    digests.add_value("reward", rollout.reward.double().mean())


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


def record_updates(digests: DigestBatch, updates: Updates) -> None:
    """Digest the channels of the gradient steps.

    Raises:
        ValueError: they were taken without sums.
    """
    # Their few numbers come to the host first, where a digest takes no launches.
    losses, alpha = updates.info.critic_losses.cpu(), updates.info.alpha.cpu()
    if updates.sums is None:
        raise ValueError("gradient steps that were not recorded: their batches are gone")
    digests.add("replay.index", updates.index, updates.sums.index)
    digests.add("replay.batch", list(updates.sums.batches.cpu().unbind()))
    digests.add("update.noise", updates.noise, updates.sums.noise)
    digests.add("update.critic_loss", losses)
    digests.add_value("critic_loss", losses[-1].sum())
    if updates.info.actor_loss is not None:
        actor_loss = updates.info.actor_loss.cpu()
        digests.add("update.actor_loss", actor_loss)
        digests.add_value("actor_loss", actor_loss[-1])
    digests.add("update.alpha", alpha)
    digests.add_value("alpha", alpha[-1])


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
    digests: DigestBatch, state: LearnerState, sums: Callable[[], list[torch.Tensor]] | None = None
) -> None:
    """Digest the channels of parameters and optimizer moments.

    Args:
        digests: takes them.
        state: what is recorded.
        sums: gives their word sums, where they are not taken one by one.
    """
    channels = learner_channels(state)
    known = sums() if sums is not None else [None] * len(channels)
    for (channel, tensors), word_sum in zip(channels.items(), known, strict=True):
        digests.add(channel, tensors if len(tensors) > 1 else tensors[0], word_sum)


def record_evaluation(digests: DigestBatch, evaluation: Evaluation) -> None:
    """Digest the channels of an evaluation."""
    returns = evaluation.episodes.values("return")
    digests.add("eval.action", evaluation.actions)
    digests.add("eval.return", [returns, evaluation.episodes.values("success_once")])
    if returns.numel():
        digests.add_value("eval.return", returns.mean())
