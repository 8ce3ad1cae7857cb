"""What is due when, in a training run: rules over iterations and env steps, and the flags alone."""

from __future__ import annotations

from sac.config import TrainConfig


class Schedule:
    """Says what an iteration has to do besides stepping environments.

    `step` counts env steps of all environments together, as `--total_timesteps` does.

    Args:
        config: the run's flags.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._config = config

    def warms_up(self, iteration: int, step: int) -> bool:
        """Whether actions are uniform in the iteration that begins after `iteration`, at `step`.

        As in ManiSkill's sac.py the policy acts from the first iteration after one that learned; overlapped, in it.
        """
        return iteration == 0 or step < self._config.learning_starts

    def learns(self, step: int, stored: int) -> bool:
        """Whether gradient steps are due at `step`, with so many rows in the replay buffer."""
        return stored > 0 and step >= self._config.learning_starts and self._config.grad_steps_per_iteration > 0

    def evaluates(self, step: int) -> bool:
        """Whether `step` is the first at or after a multiple of eval_freq, or the last of the run."""
        config = self._config
        if config.eval_freq == 0:
            return False
        return self.ends(step) or _crossed(step, config.training_freq, config.eval_freq)

    def records(self, iteration: int, step: int) -> bool:
        """Whether the ledger gets a line of `iteration`, which ends at `step`."""
        config = self._config
        if not config.ledger_freq:
            return False
        return iteration % config.ledger_freq == 0 or iteration == config.iterations or self.evaluates(step)

    def logs(self, step: int) -> bool:
        """Whether losses and times are logged at `step`."""
        return _crossed(step, self._config.training_freq, self._config.log_freq)

    def ends(self, step: int) -> bool:
        """Whether the run is over at `step`."""
        return step >= self._config.total_timesteps


def _crossed(step: int, stride: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (step - stride, step]; ManiSkill's rule for its eval_freq and log_freq."""
    return (step - stride) // every < step // every
