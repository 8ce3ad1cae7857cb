"""Figures that people read and that are not what they are called; no ledger shows them but where it says so."""

from tools.mutants.mutant import Mutant, Room

METRICS = "sac/run/metrics_file.py"
EPISODES = "sac/rollout/episodes.py"
TRAINER = "sac/trainer.py"

ROOM = Room(
    "metrics and logs",
    ("tests/unit/rollout/test_episodes.py", "tests/unit/test_trainer.py", "tests/unit/test_plain_run.py"),
    (
        Mutant(
            "another window",
            METRICS,
            "def new_metrics(window: int = 5)",
            "def new_metrics(window: int = 4)",
            "moving averages are over another number of evaluations",
        ),
        Mutant(
            "the window never closes",
            METRICS,
            "first = max(0, state.evaluations - len(recent))",
            "first = 0 * len(recent)",
            "moving averages count the last evaluations several times",
        ),
        Mutant(
            "training columns not reset",
            METRICS,
            "train = training.count, take_means(training)",
            'train = training.count, take_means(__import__("copy").deepcopy(training))',
            "training columns are over all episodes, not those since the row before",
        ),
        Mutant(
            "columns of another metric",
            METRICS,
            "self._moving_averages(shown), strict=True)",
            "self._moving_averages([shown[0]] * len(shown)), strict=True)",
            "all moving averages are of success_once",
        ),
        Mutant(
            "loss shown by half",
            TRAINER,
            '"losses/qf_loss": sum(critic) / 2',
            '"losses/qf_loss": sum(critic) / 4',
            "TensorBoard's qf_loss is half of what it says",
        ),
        Mutant(
            "losses of the first step",
            TRAINER,
            "critic, q = info.critic_losses[-1].tolist(), info.q_values[-1].tolist()",
            "critic, q = info.critic_losses[0].tolist(), info.q_values[-1].tolist()",
            "losses are of the iteration's first gradient step",
        ),
        Mutant(
            "training metrics of the other record",
            TRAINER,
            "means = take_means(self.state.collector.since_log)",
            "means = take_means(self.state.collector.since_evaluation)",
            "logging takes the episodes away from metrics.csv",
        ),
        Mutant(
            "metrics of the other record",
            TRAINER,
            "self.output.metrics.write(step, means, count, self.state.collector.since_evaluation, before)",
            "self.output.metrics.write(step, means, count, self.state.collector.since_log, before)",
            "metrics.csv takes the episodes away from the logs",
        ),
        Mutant(
            "scalars one step late",
            "sac/run/tracking.py",
            "self._writer.add_scalar(tag, value, step)",
            "self._writer.add_scalar(tag, value, step + 1)",
            "TensorBoard shows scalars at another step",
        ),
        Mutant(
            "logs at exact multiples",
            "sac/schedule.py",
            "return (step - stride) // every < step // every",
            "return step % every == 0",
            "cadences that do not fit the iterations are missed",
        ),
        Mutant(
            "sums not reset",
            EPISODES,
            "    sums.sums.zero_()\n",
            "    sums.sums.add_(0)\n",
            "means count episodes that were told of before",
        ),
        Mutant(
            "steps counted as episodes",
            EPISODES,
            'sums.count += len(finished["return"])',
            "sums.count += 1",
            "episodes that end together count as one",
        ),
        Mutant(
            "success at the end alone",
            EPISODES,
            "totals.success_once |= success",
            "totals.success_once &= success",
            "success that does not last is not counted",
            "eval.return",
        ),
        Mutant(
            "return halved",
            EPISODES,
            "totals.episode_return += step.reward.cpu().double()",
            "totals.episode_return += step.reward.cpu().double() / 2",
            "returns are half of what the environment gave",
            "eval.return",
        ),
        Mutant(
            "return in single precision",
            EPISODES,
            "totals.episode_return += step.reward.cpu().double()",
            "totals.episode_return.copy_((totals.episode_return.float() + step.reward.cpu()).double())",
            "returns are rounded at each step",
            "eval.return",
        ),
        Mutant(
            "reward over the longest episode",
            EPISODES,
            '"reward": totals.episode_return / totals.length',
            '"reward": totals.episode_return / totals.length.max()',
            "the mean reward of a short episode is too small",
        ),
        Mutant(
            "success once at the end",
            EPISODES,
            '"success_at_end": success,',
            '"success_at_end": totals.success_once,',
            "success_at_end is success_once",
        ),
        Mutant(
            "one end for all",
            EPISODES,
            "        total[ended] = 0\n",
            "        total[:] = 0\n",
            "an episode's end restarts the totals of all environments",
            "eval.return",
            flags=("--eval_partial_reset", "--num_eval_steps=60"),
        ),
        Mutant(
            "no policy for the evaluation",
            TRAINER,
            "policy_file.save(self.training.learner, folder.policy, self.output.held)",
            "policy_file.save(self.training.learner, folder.policy.with_name('policy_last.pt'), self.output.held)",
            "the final policy lies under another name",
        ),
    ),
)
